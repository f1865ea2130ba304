"""Calls, cases and persons are counted apart."""

from api.demo.play import COORDINATOR, OPERATOR, Play, why_step

TITLE = "Three conversations, two cases"


def play(play: Play) -> dict[str, str]:
    """Log calls about two people, a question and a voicemail; returns the cases by person."""
    cases = {}
    for name, how in (("aizada", "a brother calls about his sister"), ("bakyt", "he calls again about himself")):
        person = play.person(name)
        contact = play.post(
            OPERATOR,
            "/contacts",
            {
                "channel": "call",
                "language": "ky",
                "topic": "possible_trafficking",
                "anonymous": False,
                "cases": [person.opened_through("hotline")],
            },
        )
        cases[name] = contact["cases"][0]
        step = play.open_step(OPERATOR, cases[name], "inform-of-rights")
        play.did(
            OPERATOR,
            f"{how} and opens a case: {person.shown_as} → {cases[name]}",
            ("due", f"{step['title']}: {play.local(step['due_at'])}"),
            why_step(step),
        )
    _question(play)
    _voicemail(play)
    contacts = play.get(OPERATOR, "/contacts")["items"]
    opened = play.get(OPERATOR, "/cases")["items"]
    stages = play.get(COORDINATOR, "/caseload/funnel")["stages"]
    funnel = {one["stage"]: one["count"] for one in stages if one["population"] != "vulnerable_migrants"}
    play.expect("contacts and cases are counted apart", (len(contacts), len(opened)), (4, 2))
    play.expect("the funnel counts as the hotline does", (funnel["contacts"], funnel["cases"]), (4, 2))
    play.page.text(f"So far: {len(contacts)} contacts, {len(opened)} cases, {len(opened)} persons: never one number.")
    return cases


def _question(play: Play) -> None:
    play.post(
        OPERATOR,
        "/contacts",
        {
            "channel": "call",
            "language": "ky",
            "topic": "employment_abroad",
            "narrative": {"account": play.invented.notes["caller"]},
        },
    )
    play.did(OPERATOR, "answers a question about work abroad: a contact, but no case; what was said is sealed")


def _voicemail(play: Play) -> None:
    contact = play.post(
        OPERATOR,
        "/contacts",
        {"channel": "voicemail", "language": "ru", "topic": "other", "contact": {"phone": "+996 312 050607"}},
    )
    play.did(
        OPERATOR,
        "finds a message on the voicemail: it must be answered",
        ("due", f"{play.local(contact['callback_due_at'])} (working days of Kyrgyzstan)"),
    )
