"""An adult who refuses: counted, never named."""

from api.demo.play import CASEWORKER, OPERATOR, POLICE, SOUTH, Json, Play, spoken, why_step
from api.demo.scenes import inform, open_case

TITLE = "Ermek: an adult who says no"


def play(play: Play) -> None:
    """Play the journey: nothing is shared, and the anonymous notification is all that opens."""
    person = play.person("ermek")
    case = open_case(play, CASEWORKER, person, "ngo")
    inform(play, CASEWORKER, case)
    refusal = {
        "decision": "refused",
        "giver": "self",
        "purposes": ["support", "identification"],
        "obtained": "oral",
        "language": "ru",
    }
    play.post(CASEWORKER, f"/cases/{case}/consents", refusal)
    play.did(CASEWORKER, "records that he refuses both support and identification")
    play.refused(
        CASEWORKER,
        "tries to refer him to a doctor all the same",
        "POST",
        f"/cases/{case}/referrals",
        {"step": "refer-for-urgent-care", "service": "psychosocial", "recipient": SOUTH.organisation},
        code="consent-missing",
        because="an adult's no is respected; only imminent danger to life would pass it",
    )
    _notify(play, case)
    for other in (POLICE, OPERATOR):
        play.refused(other, "tries to find out", "GET", f"/cases/{case}", code="not-found")
    play.change(
        CASEWORKER,
        "PUT",
        f"/cases/{case}/case-work",
        {"case_work": "closed", "reason": "anonymous_notification"},
        of=f"/cases/{case}",
    )
    shared = play.get(CASEWORKER, f"/cases/{case}/referrals")
    play.expect("nothing was shared", shared, [])
    play.did(CASEWORKER, "closes the case. Referrals sent: 0. Shared about him: nothing")


def _notify(play: Play, case: str) -> None:
    step = play.open_step(CASEWORKER, case, "notify-anonymously")
    play.post(CASEWORKER, f"/cases/{case}/steps/notify-anonymously/completion")
    shown: Json = play.get(CASEWORKER, f"/cases/{case}")
    play.expect("the identification axis", shown["identification"], "anonymous_notification")
    play.did(
        CASEWORKER,
        f"notifies: one more person, without a name; the case now stands at “{spoken(shown['identification'])}”",
        ("due", play.local(step["due_at"])),
        why_step(step),
    )
