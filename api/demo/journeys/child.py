"""A child whom no missing consent may hold up."""

from api.demo.play import GUARDIANS, NORTH, POLICE, Json, Play, why_rule
from api.demo.scenes import assess, begin_service, inform, open_case, open_package, refer, take_up
from auth import policies

TITLE = "Kanykei: a child, and nobody there to consent"


def play(play: Play) -> None:
    """Play the journey: guardian and shelter at once, without any consent."""
    person = play.person("kanykei")
    case = open_case(play, POLICE, person, "mobile_task_force")
    inform(play, POLICE, case)
    consents = play.get(POLICE, f"/cases/{case}/consents")
    play.expect("nobody has consented to anything", consents, [])
    play.did(
        POLICE,
        "has nobody to ask: consents on record: 0. For an adult the next two steps would be refused; for a child, or "
        "while the age is in doubt, they are open",
    )
    guardian = refer(play, POLICE, case, "refer-guardian", "guardianship", GUARDIANS)
    assess(play, POLICE, case, "high", ("shelter", "guardianship"))
    shelter = refer(play, POLICE, case, "offer-emergency-shelter", "shelter", NORTH)
    for reference in (guardian, shelter):
        shown: Json = play.get(POLICE, f"/referrals/{reference}")
        play.expect("what the referral rests on", shown["basis"], "child_best_interest")
    _question(play, guardian)
    accepted = play.act(GUARDIANS, guardian, "acceptance")
    play.expect("the guardian's referral", accepted["status"], "accepted")
    play.did(GUARDIANS, f"accepts {guardian}", why_rule(policies.RECEIVES_IT))
    open_package(play, GUARDIANS, guardian)
    begin_service(play, GUARDIANS, guardian)
    take_up(play, NORTH, shelter)
    begin_service(play, NORTH, shelter)


def _question(play: Play, referral: str) -> None:
    play.act(GUARDIANS, referral, "receipt")
    play.act(GUARDIANS, referral, "question", {"text": play.invented.notes["question"]})
    play.act(POLICE, referral, "answer", {"text": play.invented.notes["answer"]})
    notes = play.get(GUARDIANS, f"/referrals/{referral}/notes")
    play.expect("question and answer", [note["kind"] for note in notes], ["question", "answer"])
    play.did(GUARDIANS, "asks the sender something and reads the answer; both are sealed")
