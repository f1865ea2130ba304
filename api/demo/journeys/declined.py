"""A self-report; the first shelter is full, the second takes her."""

from api.demo.play import CASEWORKER, NORTH, SOUTH, Json, Play, spoken, why_rule
from api.demo.scenes import (
    agree,
    assess,
    begin_service,
    complete,
    identify,
    inform,
    open_package,
    opened_case,
    refer,
    take_up,
)
from auth import policies

TITLE = "Chynara: reports herself; the first shelter is full"
HITS = {"held-by-isolation": "told", "held-by-violence": "observed", "held-by-withholding-wages": "told"}


def play(play: Play) -> None:
    """Play the journey: declined for want of a place, then referred again."""
    person = play.person("chynara")
    contact = play.post(
        CASEWORKER,
        "/contacts",
        {
            "channel": "visit",
            "language": "ky",
            "topic": "possible_trafficking",
            "cases": [person.opened_through("self_report")],
        },
    )
    case: str = contact["cases"][0]
    opened_case(play, CASEWORKER, person, case)
    inform(play, CASEWORKER, case)
    agree(play, CASEWORKER, case, language="ky")
    assess(play, CASEWORKER, case, "low", ("shelter",))
    identify(play, CASEWORKER, case, HITS)
    first = refer(play, CASEWORKER, case, "refer-for-shelter", "shelter", NORTH)
    play.act(NORTH, first, "receipt")
    play.act(NORTH, first, "decline", {"declined_by": "provider", "reason": "no_capacity"})
    play.did(NORTH, f"declines {first}: no place is free; its package is destroyed unread")
    play.refused(NORTH, "opens the package", "GET", f"/referrals/{first}/package", code="state-conflict")
    second = refer(play, CASEWORKER, case, "refer-for-shelter", "shelter", SOUTH, earlier=first)
    take_up(play, SOUTH, second)
    open_package(play, SOUTH, second)
    begin_service(play, SOUTH, second)
    complete(play, SOUTH, second)
    shown: Json = play.get(CASEWORKER, f"/referrals/{first}")
    path = " → ".join(spoken(event["status"]) for event in shown["history"])
    play.did(CASEWORKER, f"reads what became of the first: {path}", why_rule(policies.SENT_IT))
