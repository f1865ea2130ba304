"""A person takes a consent back half-way."""

from api.demo.play import OPERATOR, SOUTH, Play, spoken
from api.demo.scenes import agree, assess, begin_service, inform, open_package, refer, take_up

TITLE = "Bakyt: takes his consent back half-way"


def play(play: Play, case: str) -> None:
    """Play the journey of a case that the hotline opened."""
    inform(play, OPERATOR, case)
    consent = agree(play, OPERATOR, case, language="ky", purposes=("support",), recipients=("type:Shelter",))
    assess(play, OPERATOR, case, "high", ("shelter",))
    referral = refer(play, OPERATOR, case, "offer-emergency-shelter", "shelter", SOUTH)
    take_up(play, SOUTH, referral)
    open_package(play, SOUTH, referral)
    begin_service(play, SOUTH, referral)
    play.post(OPERATOR, f"/cases/{case}/consents/{consent}/withdrawal")
    play.did(
        OPERATOR,
        "he has changed his mind: records the withdrawal. In the same moment the referral ends, the shelter's "
        "access ends, the package and its keys are destroyed, and the shelter is told",
    )
    play.refused(
        SOUTH,
        "opens the package again",
        "GET",
        f"/referrals/{referral}/package",
        code="state-conflict",
        because="the person withdrew; there is nothing left to open, for the administrator of the server either",
    )
    told = play.get(SOUTH, "/notifications")["items"][0]
    play.expect("the shelter is told", (told["kind"], told["reference"]), ("referral_recalled", referral))
    play.did(SOUTH, f"is told by reference only: {spoken(told['kind'])}, {told['reference']}")
