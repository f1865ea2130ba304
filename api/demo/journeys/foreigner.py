"""A foreign victim without documents has the same steps as anybody."""

from api.demo.play import CASEWORKER, COLLEAGUE, Play
from api.demo.scenes import agree, begin_service, complete, identify, inform, open_case, open_package, refer, take_up

TITLE = "Gulnora: a foreigner without documents"
HITS = {"excessive-hours": "told", "held-by-taking-documents": "observed", "deceived-about-job": "told"}


def play(play: Play, of_a_national: list[str]) -> None:
    """Play the journey: identified by the NGO that met her, legal aid from another.

    Args:
        play: The day.
        of_a_national: The steps that were open when the case of a national with papers was opened.
    """
    person = play.person("gulnora")
    case = open_case(play, COLLEAGUE, person, "border_service")
    found = [step["step"] for step in play.steps(COLLEAGUE, case)["open"]]
    play.expect("origin closes no step", found, of_a_national)
    play.did(COLLEAGUE, f"sees {len(found)} open steps: the same as those of Aizada, a national, on her first day")
    inform(play, COLLEAGUE, case)
    agree(
        play,
        COLLEAGUE,
        case,
        language="uz",
        obtained="by_interpreter",
        compartments=("identity", "contact", "narrative", "legal"),
    )
    identify(play, COLLEAGUE, case, HITS)
    referral = refer(play, COLLEAGUE, case, "refer-for-support", "legal", CASEWORKER)
    take_up(play, CASEWORKER, referral)
    open_package(play, CASEWORKER, referral)
    begin_service(play, CASEWORKER, referral)
    complete(play, CASEWORKER, referral, "partial")
