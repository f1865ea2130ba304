"""The sentences and labels of the package: of facts, of codes, and of explanations."""

from collections.abc import Mapping

from domain.codes import Language
from domain.workflow.conditions import Closed
from domain.workflow.sop import Labels, Translation


class FactText(Closed):
    """What a fact and its values are called."""

    label: Labels
    values: dict[str, Labels]


class Messages(Closed):
    """The sentences of explanations, and the labels of facts."""

    translations: dict[Language, Translation]
    sentences: dict[str, Labels]
    facts: dict[str, FactText]

    def sentence(self, key: str, language: Language, **parts: str) -> str:
        """A sentence in the reader's language, with its gaps filled."""
        return self.sentences[key][language].format(**parts)

    def fact(self, name: str, language: Language) -> str:
        """What the fact is called."""
        return self.facts[name].label[language]

    def value(self, name: str, value: str, language: Language) -> str:
        """What a value of the fact is called."""
        return self.facts[name].values[value][language]


class CodeLabels(Closed):
    """The labels of every code of every closed list, by the name of the list."""

    translations: dict[Language, Translation]
    lists: dict[str, dict[str, Labels]]


def languages_missing(labels: Mapping[Language, str], languages: tuple[Language, ...]) -> list[Language]:
    """The languages in which a text is absent or empty."""
    return [language for language in languages if not labels.get(language, "").strip()]
