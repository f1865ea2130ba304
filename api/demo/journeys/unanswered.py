"""A referral that nobody answers does not just sit. Its later acts take place on later days."""

from collections import Counter

from api.demo.play import COORDINATOR, FOCAL_POINT, NORTH, POLICE, SOUTH, Play, spoken, why_rule
from api.demo.scenes import agree, assess, begin_service, inform, open_case, open_package, refer, take_up
from auth import policies

TITLE = "Marat: a referral that nobody answers"
AFTER_TWO_DAYS = "Marat, two days later"
AFTER_FOUR_DAYS = "Marat, four days later"
LATE_STEPS = Counter({"assess-danger": 2, "inform-of-rights": 1})
"""Of the other cases of the story, after two days."""


def play(play: Play) -> tuple[str, str]:
    """Send an urgent referral to a shelter that does not look; returns the case and the referral."""
    person = play.person("marat")
    case = open_case(play, POLICE, person, "self_report")
    inform(play, POLICE, case)
    agree(play, POLICE, case, language="ru", purposes=("support",), recipients=("type:Shelter",))
    assess(play, POLICE, case, "high", ("shelter",))
    return case, refer(play, POLICE, case, "offer-emergency-shelter", "shelter", SOUTH)


def escalates(play: Play, referral: str) -> None:
    """After 24 hours the coordinator is told, and sees it in the list of what is overdue."""

    def told() -> list[str]:
        return [
            item["kind"] for item in play.get(COORDINATOR, "/notifications")["items"] if item["reference"] == referral
        ]

    play.wait_until("the coordinator is told", lambda: told() == ["referral_overdue"])
    play.did(COORDINATOR, f"is told by the clock: {referral} was not answered in time")
    overdue = play.get(COORDINATOR, "/referrals/overdue")["items"]
    play.expect("what is overdue", [item["reference"] for item in overdue], [referral])
    for who in (COORDINATOR, FOCAL_POINT):
        item = play.get(who, "/referrals/overdue")["items"][0]
        play.did(
            who,
            f"reads the list of overdue referrals: {item['reference']}, {item['receiver']}, {item['priority']}, "
            f"was due {play.local(item['respond_by'])}; not a word about the person",
            why_rule(policies.OVERSEES_IT),
        )
    _late_steps(play)


def _late_steps(play: Play) -> None:
    """The same clock looks at the steps of every case; the worker takes them up one after the other."""

    def late() -> Counter[str]:
        items = play.get(COORDINATOR, "/notifications")["items"]
        return Counter(item["detail"] for item in items if item["kind"] == "step_overdue")

    play.wait_until("the coordinator is told of every late step", lambda: late() == LATE_STEPS)
    named = ", ".join(f"{key} ({number})" for key, number in sorted(late().items()))
    play.did(COORDINATOR, f"is told as well which steps of other cases are late: {named}")


def expires(play: Play, case: str, referral: str) -> None:
    """After three days it expires, its package is destroyed, and the step is open again."""
    path = f"/referrals/{referral}"
    play.wait_until("the referral expires", lambda: play.get(POLICE, path)["status"] == "expired")
    play.did(POLICE, f"is told that {referral} has expired: the clock ended it, its package is destroyed")
    play.refused(
        SOUTH,
        "looks at last, and wants to accept",
        "POST",
        f"{path}/acceptance",
        code="state-conflict",
        because="what has expired cannot be accepted; the sender must not wait for it",
    )
    again = refer(play, POLICE, case, "offer-emergency-shelter", "shelter", NORTH, earlier=referral)
    take_up(play, NORTH, again)
    open_package(play, NORTH, again)
    begin_service(play, NORTH, again)
    shown = play.get(POLICE, f"/cases/{case}")
    play.expect("the support axis", shown["support"], "receiving")
    play.did(POLICE, f"sees that he is safe: support “{spoken(shown['support'])}”")
