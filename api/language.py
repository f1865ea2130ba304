"""Which of our languages a reader gets."""

from fastapi import Request

from domain.codes import Language

KNOWN = {language.value: language for language in Language}


def language_of(request: Request) -> Language:
    """Return the first of our languages that `Accept-Language` names, best weight first; else the service's default.

    A weight of 0, or one that is no number, means that the reader does not want the language.

    Source: RFC 9110, section 12.5.4.
    """
    ranked: list[tuple[float, int, Language]] = []
    for place, item in enumerate(request.headers.get("accept-language", "")[:200].split(",")):
        name, _, parameters = item.partition(";")
        language = KNOWN.get(name.strip().lower().split("-")[0])
        weight = _weight(parameters)
        if language is not None and weight > 0:
            ranked.append((-weight, place, language))
    if ranked:
        return min(ranked)[2]
    default: Language = request.app.state.runtime.settings.default_language
    return default


def _weight(parameters: str) -> float:
    try:
        return float(parameters.strip().removeprefix("q=")) if parameters else 1.0
    except ValueError:
        return 0.0
