"""What happens in many journeys: agreeing, referring, taking a referral up, completing it."""

from collections.abc import Sequence

from api.demo.persons import InventedPerson
from api.demo.play import Actor, Json, Play, listed, spoken, why_rule, why_step
from auth import policies

PACKAGE_OF_ADULT = ("identity", "contact", "location", "narrative")


def open_case(play: Play, who: Actor, person: InventedPerson, channel: str) -> str:
    """Open a case, and return its reference."""
    case: str = play.post(who, "/cases", person.opened_through(channel))["reference"]
    opened_case(play, who, person, case)
    return case


def opened_case(play: Play, who: Actor, person: InventedPerson, case: str) -> None:
    """Tell that a case was opened, and what it asks for first."""
    first = play.open_step(who, case, "inform-of-rights")
    play.did(
        who,
        f"opens a case: {person.shown_as} → {case}",
        ("next", f"{first['title']}, by {play.local(first['due_at'])}"),
        ("why", "whoever meets a person who may be a victim may open a case; nobody has to ask first"),
    )


def agree(  # noqa: PLR0913 - what a person agrees to has that many parts
    play: Play,
    who: Actor,
    case: str,
    *,
    language: str,
    purposes: Sequence[str] = ("support", "identification"),
    recipients: Sequence[str] = ("any",),
    compartments: Sequence[str] = PACKAGE_OF_ADULT,
    obtained: str = "oral",
) -> str:
    """Record what the person agreed to, and return the consent's id."""
    step = play.open_step(who, case, f"ask-consent-{purposes[0]}")
    consent: Json = play.post(
        who,
        f"/cases/{case}/consents",
        {
            "decision": "given",
            "giver": "self",
            "purposes": list(purposes),
            "recipients": list(recipients),
            "compartments": list(compartments),
            "obtained": obtained,
            "language": language,
            "informed_of": ["purpose", "use", "right_to_request_data", "how_to_withdraw"],
        },
    )
    play.did(
        who,
        f"records the consent: for {listed(purposes)}; to {_named(recipients)}; {listed(compartments)}",
        ("due", f"{play.local(step['due_at'])}; valid until {play.local(consent['expires_at'])}"),
        why_step(step),
    )
    return str(consent["consent_id"])


def _named(recipients: Sequence[str]) -> str:
    words = {"any": "whoever gives help", "type:Shelter": "shelters only"}
    return ", ".join(words.get(one, one) for one in recipients)


def inform(play: Play, who: Actor, case: str) -> None:
    """Tell the person their rights."""
    step = play.open_step(who, case, "inform-of-rights")
    play.post(who, f"/cases/{case}/steps/inform-of-rights/completion")
    play.did(who, "explains to the person what their rights are", ("due", play.local(step["due_at"])), why_step(step))


def assess(play: Play, who: Actor, case: str, danger: str, needs: Sequence[str]) -> None:
    """Say how much danger the person is in."""
    step = play.open_step(who, case, "assess-danger")
    play.post(who, f"/cases/{case}/assessments", {"danger": danger, "needs": list(needs)})
    play.did(who, f"assesses the danger: {danger}; needs {listed(needs)}", why_step(step))


def identify(play: Play, who: Actor, case: str, hits: dict[str, str]) -> None:
    """Screen, and decide as an NGO."""
    step = play.open_step(who, case, "screen")
    found: Json = play.post(who, f"/cases/{case}/screenings", {"hits": hits, "result": "indicated"})
    finding = "trafficking is indicated" if found["rule_indicated"] else "not enough by itself"
    play.did(
        who,
        f"screens: {len(hits)} indicators; the counting rule says: {finding}; the caseworker decides: indicated",
        ("due", play.local(step["due_at"])),
        why_step(step),
    )
    step = play.open_step(who, case, "identify-by-ngo")
    decision = {
        "body": "ngo",
        "outcome": "ActualVictimOfTrafficking",
        "legal_basis": "guideline-1",
        "reasons": play.invented.notes["reasons"],
    }
    play.post(who, f"/cases/{case}/decisions", decision)
    play.did(
        who,
        "decides for the NGO: a victim of trafficking (the reasons are sealed)",
        ("due", play.local(step["due_at"])),
        why_step(step),
    )


def refer(
    play: Play, who: Actor, case: str, step_key: str, service: str, to: Actor, *, earlier: str | None = None
) -> str:
    """Refer the person of a case, and return the referral's reference."""
    step = play.open_step(who, case, step_key)
    body = {"step": step_key, "service": service, "recipient": to.organisation, "earlier_referral": earlier}
    if step["rests_on"] not in {None, "consent"}:
        body["reason"] = "Nobody who could consent was there, and waiting would have done harm."
    referral: Json = play.post(who, f"/cases/{case}/referrals", body)
    shares = [entry["compartment"] for entry in referral["withheld"]]
    again = f", instead of {earlier}" if earlier else ""
    play.did(
        who,
        f"refers the person to {to.place}: {spoken(service)}, {referral['priority']}{again} → {referral['reference']}",
        ("due", f"{to.place} must answer by {play.local(referral['respond_by'])}"),
        why_step(step),
        ("seals", f"a package that opens on acceptance only: {listed(shares)}"),
    )
    return str(referral["reference"])


def take_up(play: Play, who: Actor, referral: str) -> Json:
    """Receive and accept a referral; returns it as accepted."""
    play.act(who, referral, "receipt")
    accepted = play.act(who, referral, "acceptance")
    play.did(who, f"accepts {referral}", why_rule(policies.RECEIVES_IT))
    return accepted


def open_package(play: Play, who: Actor, referral: str) -> Json:
    """Open the package of an accepted referral, and show it."""
    package: Json = play.get(who, f"/referrals/{referral}/package")
    play.did(who, f"opens the package; the opening is in the audit before it is read: {read_aloud(package)}")
    return package


def read_aloud(package: Json) -> str:
    """Return what stands in a package."""
    return "; ".join(
        f"{compartment}: {', '.join(_value(value) for value in fields.values())}"
        for compartment, fields in package["compartments"].items()
    )


def _value(value: object) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def begin_service(play: Play, who: Actor, referral: str) -> None:
    """Begin to give the service."""
    play.act(who, referral, "service-start")
    play.did(who, "begins to give the service", why_rule(policies.RECEIVES_IT))


def complete(play: Play, who: Actor, referral: str, outcome: str = "full") -> None:
    """End the service."""
    play.act(who, referral, "completion", {"outcome": outcome})
    play.did(who, f"completes the service, outcome: {outcome}; the package and its keys are destroyed")
