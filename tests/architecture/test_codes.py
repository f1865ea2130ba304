"""Codes: of errors, each its own; of closed lists, each with a label in every language."""

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

import yaml

import domain.codes
from domain.errors import DomainError
from tests.architecture import tree

LANGUAGES = {language.value for language in domain.codes.Language}


def errors(above: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Yield every refusal that the service knows."""
    for error in above.__subclasses__():
        yield error
        yield from errors(error)


def load_every_module() -> None:
    for package in tree.PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)


def test_every_error_has_a_code_of_its_own() -> None:
    load_every_module()
    found = list(errors())
    assert len(found) > 3
    assert [error.__name__ for error in found if "code" not in vars(error)] == []
    assert [error.code for error in found if not re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code)] == []
    assert [code for code, count in Counter(error.code for error in found).items() if count > 1] == []


def test_every_error_says_what_it_means() -> None:
    load_every_module()
    assert [error.__name__ for error in errors() if not error.__doc__ or error.__doc__ == DomainError.__doc__] == []
    assert [error.__name__ for error in errors() if error.__name__.endswith(("Error", "Exception"))] == []


def lists() -> dict[str, set[str]]:
    return {
        name: {code.value for code in kind}
        for name, kind in inspect.getmembers(domain.codes, inspect.isclass)
        if issubclass(kind, StrEnum) and kind is not StrEnum
    }


def labels() -> dict[str, dict[str, dict[str, str]]]:
    """Return the label file with every key as it is spelt: to YAML 1.1, `yes` and `no` are no text."""
    written = yaml.load((tree.ROOT / "sops" / "codes.yaml").read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - text only
    return written["lists"]


def test_every_code_has_a_label_in_every_language_and_no_label_is_left_over() -> None:
    named = {name: set(codes) for name, codes in labels().items()}
    assert named == lists()
    without = [
        f"{name}.{code}"
        for name, codes in labels().items()
        for code, texts in codes.items()
        if set(texts) != LANGUAGES or not all(text.strip() for text in texts.values())
    ]
    assert without == []


def test_translations_that_nobody_has_reviewed_say_so() -> None:
    written = yaml.safe_load((tree.ROOT / "sops" / "codes.yaml").read_text())
    assert set(written["translations"]) == LANGUAGES
    assert set(written["translations"].values()) <= {"original", "unreviewed", "reviewed"}
