"""The order of the demonstration, and its four days."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, TextIO
from zoneinfo import ZoneInfo

import httpx

from api.demo.journeys import (
    adult,
    child,
    declined,
    figures,
    foreigner,
    form,
    hotline,
    readers,
    refusal,
    unanswered,
    withdrawal,
)
from api.demo.page import Page
from api.demo.persons import Invented
from api.demo.play import COORDINATOR, OPERATOR, PATIENCE, Play, spoken
from api.demo.stage import Stage
from api.development import LocalIssuer
from api.runtime import build, published

TODAY: Final = timedelta(0)
IN_TWO_DAYS: Final = timedelta(days=2)
IN_FOUR_DAYS: Final = timedelta(days=4)
COUNTRY: Final = "KG"

INTRODUCTION = (
    "A referral mechanism at work. Every person, organisation and number below is invented. Every line is a real "
    "request to a running service over HTTP, or a command that is named; times are those of Bishkek. “assumed” marks "
    "a rule that we assume, since the text of its source is not public: it is not law. “NO” marks what the service "
    "refused."
)


def tell(stage: Stage, page: Page) -> None:
    """Play every journey.

    Raises:
        Unexpected: the service did not answer as the story has it.
    """
    page.text(INTRODUCTION)
    with stage.refusals.open("w", encoding="utf-8") as refusals:
        with _day(stage, page, refusals, TODAY) as play:
            since, case, referral = _first_day(play, stage)
        with _day(stage, page, refusals, IN_TWO_DAYS) as play:
            page.heading(unanswered.AFTER_TWO_DAYS)
            page.text("The clock of the service was set two days ahead for this chapter, and the worker started anew.")
            unanswered.escalates(play, referral)
        with _day(stage, page, refusals, IN_FOUR_DAYS) as play:
            page.heading(unanswered.AFTER_FOUR_DAYS)
            page.text("The clock of the service was set four days ahead.")
            unanswered.expires(play, case, referral)
            _funnel(play)
            page.heading(figures.TITLE)
            figures.exact(play, since, IN_FOUR_DAYS)
        afterwards = figures.over(since)
        with _day(stage, page, refusals, afterwards) as play:
            page.heading(figures.AFTERWARDS)
            figures.released(play, since, functools.partial(stage.publisher, afterwards))


def _first_day(play: Play, stage: Stage) -> tuple[datetime, str, str]:
    """Play it; returns when it began, and the case and the referral that go on."""
    page = play.page
    page.heading(hotline.TITLE)
    cases = hotline.play(play)
    of_a_national = [step["step"] for step in play.steps(OPERATOR, cases["aizada"])["open"]]
    page.heading(adult.TITLE)
    adult.play(play, cases["aizada"])
    page.heading(withdrawal.TITLE)
    withdrawal.play(play, cases["bakyt"])
    page.heading(child.TITLE)
    child.play(play)
    page.heading(refusal.TITLE)
    refusal.play(play)
    page.heading(foreigner.TITLE)
    foreigner.play(play, of_a_national)
    page.heading(declined.TITLE)
    declined.play(play)
    page.heading(form.TITLE)
    form.play(play, functools.partial(build, stage.settings, stage.access.dsns))
    page.heading(readers.TITLE)
    readers.play(play, cases["aizada"])
    page.heading(unanswered.TITLE)
    return figures.began(play, cases["aizada"]), *unanswered.play(play)


@contextmanager
def _day(stage: Stage, page: Page, refusals: TextIO, shift: timedelta) -> Iterator[Play]:
    with stage.day(shift), httpx.Client(base_url=stage.address, timeout=PATIENCE, trust_env=False) as client:
        zone = ZoneInfo(published().profile(COUNTRY).timezone)
        yield Play(page, client, LocalIssuer.of(stage.on(shift)), zone, Invented.load(), refusals)


def _funnel(play: Play) -> None:
    stages = play.get(COORDINATOR, "/caseload/funnel")["stages"]
    play.page.heading("How far the referrals got")
    play.page.text("Exact figures, for the coordinator's screen only. Every number has its unit.")
    apart = sum(one["count"] for one in stages if one["population"] == "vulnerable_migrants")
    play.page.text(f"Vulnerable migrants are counted apart and never as victims; here: {apart}.")
    stages = [one for one in stages if one["population"] != "vulnerable_migrants"]
    play.page.table(
        ("stage", "number", "unit", "of whom"),
        [(spoken(one["stage"]), str(one["count"]), one["unit"], spoken(one["population"])) for one in stages],
    )
    play.expect("stages that nobody reached", [one["stage"] for one in stages if not one["count"]], [])
