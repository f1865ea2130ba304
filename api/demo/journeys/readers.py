"""Those who watch over the whole and must not learn about anybody; and errors that repeat nothing."""

from api.demo.play import CASEWORKER, FOCAL_POINT, MONITOR, OPERATOR, Play
from domain.codes import Compartment

TITLE = "Those who only watch, and what an error tells"


def play(play: Play, case: str) -> None:
    """Let M&E and the focal point try to see persons, and let an operator mistype."""
    for who in (MONITOR, FOCAL_POINT):
        play.refused(
            who,
            "tries to open a case",
            "GET",
            f"/cases/{case}",
            code="not-permitted",
            because="the role has no right to any case, whether it exists or not",
        )
    play.refused(
        MONITOR,
        "tries the exact figures of the coordinator's screen",
        "GET",
        "/caseload/funnel",
        code="not-permitted",
        because="exact figures about so few people point at persons",
    )
    releases = play.get(MONITOR, "/statistics/releases")["items"]
    play.expect("releases", releases, [])
    play.did(
        MONITOR,
        "reads the published releases: none. Figures leave the service as protected releases only, and no release has "
        "been made; until then M&E sees nothing rather than exact small numbers",
    )
    name = play.person("aizada").sealed[Compartment.IDENTITY]["latin_name"]
    play.refused(
        OPERATOR,
        f"types a name into the wrong field: {name}",
        "POST",
        "/contacts",
        {"channel": name, "language": "ky", "topic": "other", name: name},
        code="invalid-request",
        because="the answer says where the fault is, and repeats nothing that was typed",
    )
    play.refused(CASEWORKER, "types a name where a reference belongs", "GET", f"/cases/{name}", code="invalid-request")
