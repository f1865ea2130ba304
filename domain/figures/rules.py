"""Pure readings of published figures: which version speaks, and where sources contradict each other."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from domain.figures.models import PublishedFigure

    Question = tuple[str, str, date, date]


def question(figure: "PublishedFigure") -> "Question":
    """Return what a figure answers: series, country and period; each source answers it for itself."""
    return figure.series, figure.country, figure.period_from, figure.period_to


def speaking(versions: Iterable["PublishedFigure"]) -> list["PublishedFigure"]:
    """Return the highest version of each source's answer."""
    newest: dict[tuple[object, ...], PublishedFigure] = {}
    for version in versions:
        key = (*question(version), version.source)
        if key not in newest or version.version > newest[key].version:
            newest[key] = version
    return list(newest.values())


def contradicted(figures: Iterable["PublishedFigure"]) -> "set[Question]":
    """Return the questions that sources answer with different numbers. To have no data contradicts nobody."""
    answers: dict[Question, set[int]] = {}
    for figure in figures:
        if figure.value is not None:
            answers.setdefault(question(figure), set()).add(figure.value)
    return {asked for asked, values in answers.items() if len(values) > 1}
