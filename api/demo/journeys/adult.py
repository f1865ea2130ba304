"""An adult from the first call to a completed stay."""

from api.demo.play import CASEWORKER, FOCAL_POINT, NORTH, OPERATOR, POLICE, Json, Play, spoken, why_rule, why_step
from api.demo.scenes import (
    agree,
    assess,
    begin_service,
    complete,
    identify,
    inform,
    open_package,
    refer,
    take_up,
)
from auth import policies
from domain.codes import Compartment, Language

TITLE = "Aizada: from the call to a completed stay"
ABSENT = "C-0000-0000-0000-0000"
HITS = {
    "deceived-about-job": "told",
    "deceived-about-wages": "told",
    "excessive-hours": "told",
    "low-or-no-salary": "told",
    "held-by-taking-documents": "told",
    "held-by-withholding-wages": "told",
}


def play(play: Play, case: str) -> None:
    """Play the journey of a case that the hotline opened."""
    inform(play, OPERATOR, case)
    play.refused(
        OPERATOR,
        "tries to hand the case over before she was asked",
        "POST",
        f"/cases/{case}/referrals",
        {"step": "hand-over-case-management", "service": "case_management", "recipient": CASEWORKER.organisation},
        code="consent-missing",
        because="an adult decides herself; nothing is shared before she has agreed",
    )
    agree(
        play,
        OPERATOR,
        case,
        language="ky",
        purposes=("support", "identification", "reporting"),
        compartments=("identity", "contact", "location", "narrative", "health"),
    )
    _hand_over(play, case)
    _outsider(play, case)
    _before_identification(play, case)
    identify(play, CASEWORKER, case, HITS)
    _cooperation(play, case)
    _shelter(play, case)
    _support(play, case)
    _end(play, case)


def _hand_over(play: Play, case: str) -> None:
    referral = refer(play, OPERATOR, case, "hand-over-case-management", "case_management", CASEWORKER)
    take_up(play, CASEWORKER, referral)
    shown: Json = play.get(CASEWORKER, f"/cases/{case}")
    play.expect("who leads the case", shown["owner"], CASEWORKER.organisation)
    withheld = [f"{one['compartment']} ({spoken(one['because'])})" for one in shown["person"]["withheld"]]
    play.did(
        CASEWORKER,
        f"leads the case from now on; still withheld: {', '.join(withheld)}",
        why_rule(policies.OWNS),
    )
    play.refused(OPERATOR, "looks at the case again", "GET", f"/cases/{case}", code="not-found", because=HANDED_OVER)
    status = play.get(OPERATOR, f"/referrals/{referral}/status")
    play.did(OPERATOR, f"asks where the referral stands: {spoken(status['status'])}", why_rule(policies.SENT_IT))


HANDED_OVER = "the hotline handed the case over and keeps the status of its referral only"


def _outsider(play: Play, case: str) -> None:
    foreign = play.refused(POLICE, "tries to open the case", "GET", f"/cases/{case}", code="not-found")
    absent = play.refused(
        POLICE,
        "tries a reference that does not exist",
        "GET",
        f"/cases/{ABSENT}",
        code="not-found",
        because="the two answers are the same, so nobody can find out who is known to whom",
    )
    play.expect("a foreign case and an absent one are answered alike", foreign, absent)
    for language in (Language.RUSSIAN, Language.KYRGYZ):
        answer = play.send(POLICE, "GET", f"/cases/{case}", language=language)
        play.did(POLICE, f"reads the same in another language ({language}): {answer.json()['title']}")


def _before_identification(play: Play, case: str) -> None:
    assess(play, CASEWORKER, case, "low", ("shelter", "psychosocial"))
    play.refused(
        CASEWORKER,
        "tries to refer for support before anybody has identified her",
        "POST",
        f"/cases/{case}/referrals",
        {"step": "refer-for-support", "service": "psychosocial", "recipient": NORTH.organisation},
        code="step-not-open",
        because="this step waits for a positive identification, of the NGO or of the state; urgent care does not",
    )


def _cooperation(play: Play, case: str) -> None:
    """Support opens with the NGO's identification alone, and a “no” to the police changes nothing about it."""
    before = _outside_the_criminal_track(play.steps(CASEWORKER, case))
    shown: Json = play.get(CASEWORKER, f"/cases/{case}")
    play.expect("the state has not decided", shown["state_identification"], "none")
    step = play.open_step(CASEWORKER, case, "refer-for-support")
    play.did(
        CASEWORKER,
        "sees that support is open now: the NGO's identification is enough, the state has not decided anything",
        ("due", play.local(step["due_at"])),
        why_step(step),
    )
    play.post(CASEWORKER, f"/cases/{case}/cooperation", {"willing": "no"})
    after = _outside_the_criminal_track(play.steps(CASEWORKER, case))
    play.expect("co-operation changes nothing outside the criminal track", after, before)
    play.did(
        CASEWORKER,
        "records that she does not wish to co-operate with the police: of her "
        f"{len(after)} steps outside the criminal track not one changed, nor any time limit",
    )


def _outside_the_criminal_track(steps: Json) -> list[Json]:
    return [step for kind in ("open", "closed") for step in steps[kind] if step["track"] != "criminal"]


def _shelter(play: Play, case: str) -> None:
    referral = refer(play, CASEWORKER, case, "refer-for-shelter", "shelter", NORTH)
    play.act(NORTH, referral, "receipt")
    play.refused(
        NORTH,
        "wants to see the package before it answers",
        "GET",
        f"/referrals/{referral}/package",
        code="state-conflict",
        because="before acceptance a receiver sees age band, sex, languages and service, never who it is",
    )
    status = play.get(FOCAL_POINT, f"/referrals/{referral}/status")
    play.did(
        FOCAL_POINT,
        f"asks where {referral} stands: {spoken(status['status'])} since {play.local(status['since'])}",
        ("all", f"that the answer holds: {', '.join(status)}"),
        why_rule(policies.OVERSEES_IT),
    )
    accepted = play.act(NORTH, referral, "acceptance")
    play.did(NORTH, f"accepts {referral}", why_rule(policies.RECEIVES_IT))
    package = open_package(play, NORTH, referral)
    play.expect("the package holds what was agreed", sorted(package["compartments"]), accepted["compartments"])
    play.expect("the shelter does not get the story", "narrative" in package["compartments"], False)  # noqa: FBT003
    begin_service(play, NORTH, referral)
    complete(play, NORTH, referral)


def _support(play: Play, case: str) -> None:
    play.change(
        CASEWORKER,
        "PUT",
        f"/cases/{case}/person/health",
        {"fields": play.person("aizada").sealed[Compartment.HEALTH]},
        of=f"/cases/{case}",
    )
    play.did(CASEWORKER, "adds what she told about her health; it is sealed under a key of its own")
    referral = refer(play, CASEWORKER, case, "refer-for-support", "psychosocial", NORTH)
    take_up(play, NORTH, referral)
    open_package(play, NORTH, referral)
    begin_service(play, NORTH, referral)
    complete(play, NORTH, referral)


def _end(play: Play, case: str) -> None:
    shown: Json = play.get(CASEWORKER, f"/cases/{case}")
    play.expect("the support axis", shown["support"], "completed")
    path = f"/cases/{case}/case-work"
    for state in ("active", "follow_up"):
        play.change(CASEWORKER, "PUT", path, {"case_work": state}, of=f"/cases/{case}")
    play.change(CASEWORKER, "PUT", path, {"case_work": "closed", "reason": "support_completed"}, of=f"/cases/{case}")
    play.did(CASEWORKER, "takes up the follow-up and closes the case: support completed")
