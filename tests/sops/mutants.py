"""Harmful changes to the Kyrgyz procedures, each with the invariant that must catch it."""

from collections.abc import Callable
from typing import Any

Content = dict[str, Any]
Change = Callable[[Content], None]

CASE = "kg-identification-and-referral"
CONTACT = "kg-hotline-contact"


def step(content: Content, key: str) -> dict[str, Any]:
    return next(one for one in content["steps"] if one["key"] == key)


def guard(content: Content, key: str, condition: Content) -> None:
    """Add a condition to those that a step already has."""
    one = step(content, key)
    one["when"] = {"all": [condition, one["when"]]} if "when" in one else condition


def setting(key: str, **changes: Any) -> Change:
    """Replace some keys of a step; None removes one."""

    def change(content: Content) -> None:
        one = step(content, key)
        for name, value in changes.items():
            if value is None:
                one.pop(name)
            else:
                one[name] = value

    return change


def guarding(key: str, fact: str, **test: Any) -> Change:
    """Make a step depend on one more fact."""

    def change(content: Content) -> None:
        guard(content, key, {"fact": fact, **{name.rstrip("_"): value for name, value in test.items()}})

    return change


def consenting(key: str, **changes: Any) -> Change:
    """Replace some keys of the consent that a step asks for."""

    def change(content: Content) -> None:
        step(content, key)["consent"].update(changes)

    return change


def serving(key: str, *services: str) -> Change:
    """Let a step ask for other services."""

    def change(content: Content) -> None:
        step(content, key)["opens"]["referral"]["services"] = list(services)

    return change


def untold(key: str) -> Change:
    """Tell nobody when the time limit of a step passes."""

    def change(content: Content) -> None:
        step(content, key)["deadline"]["on_breach"] = []

    return change


def counted_from(key: str, *starts: str) -> Change:
    """Count the time limit of a step from something else."""

    def change(content: Content) -> None:
        step(content, key)["deadline"]["from"] = list(starts)

    return change


def without_text(key: str, name: str, language: str) -> Change:
    def change(content: Content) -> None:
        del step(content, key)[name][language]

    return change


def priority(name: str, key: str, value: Any) -> Change:
    """Change one rule of a priority; None removes it."""

    def change(content: Content) -> None:
        rule = content["priorities"][name]
        if value is None:
            del rule[key]
        else:
            rule[key] = value

    return change


def without_priority(content: Content) -> None:
    del content["priorities"]["emergency"]


def dead_end(content: Content) -> None:
    """Close only what was followed up: who needs no support is never finished with."""
    step(content, "close-case")["when"] = {"fact": "case_work", "is": "follow_up"}


def no_way_back(content: Content) -> None:
    """A closing that asks for consent which the person may have refused for good."""
    guard(content, "close-case", {"fact": "consent_support", "is": "given"})


def swapped(content: Content) -> None:
    """Ask for shelter when the danger is low, instead of high."""
    step(content, "offer-emergency-shelter")["when"] = {
        "all": [{"fact": "danger", "is": "low"}, {"fact": "danger", "is": "high"}]
    }


def inverted_refusal(content: Content) -> None:
    """Share the whole case exactly when the person said no."""
    one = step(content, "notify-anonymously")
    one["opens"] = {"referral": {"services": ["state_identification"], "priority": "normal"}}
    one["records"] = [{"fact": "state_referral", "to": ["open"]}]


def shared_on_refusal(content: Content) -> None:
    """Offer care, with consent to support, only to an adult who refused identification."""
    guard(content, "refer-for-urgent-care", {"fact": "consent_identification", "is": "refused"})


def refused_all_the_same(content: Content) -> None:
    """Screen an adult who refused to be identified."""
    del step(content, "screen")["when"]


def after_the_police(content: Content) -> None:
    """Give support only after co-operation was asked about."""
    step(content, "refer-for-support")["after"] = ["ask-about-cooperation"]


def after_the_state(content: Content) -> None:
    """Give support only after the state has decided."""
    step(content, "refer-for-support")["after"] = ["decide-state-identification"]


def hidden_police_flag(content: Content) -> None:
    """Read a flag that only a step of the criminal track sets."""
    guard(content, "refer-guardian", {"fact": "done:refer-for-witness-protection", "is": "yes"})


def dishonest_basis(content: Content) -> None:
    step(content, "screen")["basis"] = "stated"


def never_done(content: Content) -> None:
    """A step whose outcome can never count as done."""
    step(content, "establish-age")["records"] = [{"fact": "age", "to": ["disputed"]}]


def unreviewed_silence(content: Content) -> None:
    del content["translations"]["ky"]


IS_YES = {"is_": "yes"}
COOPERATION = "support-independent-of-cooperation"
STATE = "support-independent-of-state-identification"
ORIGIN = "protection-independent-of-origin"
CHILD = "child-never-blocked-by-consent"
ADULT = "adult-consent-respected"
WAIT = "no-endless-wait"
LEAST = "least-disclosure"
ANSWERABLE = "every-step-answerable"
DEAD = "no-dead-step"
TYPED = "facts-well-typed"
BEFORE = "emergency-before-identification"
END = "no-dead-end"
CLOSABLE = "always-closable"

MUTANTS: tuple[tuple[str, str, str, Change], ...] = (
    ("support for who co-operates", CASE, COOPERATION, guarding("refer-for-support", "cooperation", is_="yes")),
    ("shelter for who does not refuse to co-operate", CASE, COOPERATION,
     guarding("offer-emergency-shelter", "cooperation", is_not="no")),
    ("support after co-operation was asked about", CASE, COOPERATION, after_the_police),
    ("a flag of the criminal track is read", CASE, COOPERATION, hidden_police_flag),
    ("support under consent to proceedings", CASE, COOPERATION,
     consenting("refer-for-support", purpose="criminal_proceedings")),
    ("follow-up counted from the criminal referral", CASE, COOPERATION,
     counted_from("begin-follow-up", "criminal_referral", "case.opened")),
    ("support relabelled as criminal", CASE, COOPERATION, setting("refer-for-support", track="criminal")),
    ("identification relabelled as criminal", CASE, COOPERATION, setting("identify-by-ngo", track="criminal")),
    ("information on rights relabelled as criminal", CASE, COOPERATION, setting("inform-of-rights", track="criminal")),
    ("witness protection relabelled as support", CASE, COOPERATION,
     setting("refer-for-witness-protection", track="support")),
    ("closing for who co-operates", CASE, COOPERATION, guarding("close-case", "criminal_referral", is_="none")),
    ("support needs the state", CASE, STATE,
     setting("refer-for-support", when={"fact": "state_identification", "is": "positive"})),
    ("a negative decision of the state ends support", CASE, STATE,
     guarding("refer-for-shelter", "state_identification", is_not="negative")),
    ("support after the state has decided", CASE, STATE, after_the_state),
    ("support counted from the state", CASE, STATE,
     counted_from("refer-for-support", "state_identification", "case.opened")),
    ("emergency shelter after screening", CASE, BEFORE,
     guarding("offer-emergency-shelter", "screening", is_="indicated")),
    ("care after identification", CASE, BEFORE,
     guarding("refer-for-urgent-care", "ngo_identification", is_="positive")),
    ("shelter for nationals", CASE, ORIGIN, guarding("offer-emergency-shelter", "origin", is_="national")),
    ("identification for regular residents", CASE, ORIGIN,
     guarding("identify-by-ngo", "migration_status", is_not="irregular")),
    ("support for who holds documents", CASE, ORIGIN, guarding("refer-for-support", "documents", is_="held")),
    ("a child needs consent to shelter", CASE, CHILD,
     consenting("offer-emergency-shelter", unless=["vital_interests"])),
    ("a child needs consent to support", CASE, CHILD, consenting("refer-for-support", unless=[])),
    ("a child needs consent to a guardian", CASE, CHILD, guarding("refer-guardian", "consent_support", is_="given")),
    ("a child's refusal stops the screening", CASE, CHILD,
     guarding("screen", "consent_identification", is_not="refused")),
    ("a referral without consent", CASE, ADULT, setting("refer-for-support", consent=None)),
    ("vital interests at every step", CASE, ADULT,
     consenting("refer-for-state-identification", unless=["child", "vital_interests"])),
    ("consent to support taken for identification", CASE, ADULT,
     consenting("refer-for-state-identification", purpose="support")),
    ("a refusal that shares", CASE, ADULT, inverted_refusal),
    ("care only for who refused", CASE, ADULT, shared_on_refusal),
    ("screened in spite of a refusal", CASE, ADULT, refused_all_the_same),
    ("closing only after follow-up", CASE, END, dead_end),
    ("closing only with consent", CASE, CLOSABLE, no_way_back),
    ("closing only once the state agrees", CASE, CLOSABLE,
     guarding("close-case", "state_identification", is_="positive")),
    ("closing only for nationals", CASE, CLOSABLE, guarding("close-case", "origin", is_="national")),
    ("closing never", CASE, CLOSABLE, guarding("close-case", "case_work", is_="closed")),
    ("nobody hears of a late screening", CASE, WAIT, untold("screen")),
    ("a duty without a time limit", CASE, WAIT, setting("take-up-case", deadline=None)),
    ("a duty made optional", CASE, WAIT, setting("assess-danger", optional=True)),
    ("a time limit from what may not have happened", CASE, WAIT, counted_from("screen", "ngo_identification")),
    ("an emergency that tells nobody", CASE, WAIT, priority("emergency", "escalate_to", None)),
    ("a referral that never expires", CASE, WAIT, priority("normal", "expires_after", None)),
    ("a referral that expires too soon", CASE, WAIT, priority("normal", "expires_after", "3 days")),
    ("a priority without rules", CASE, WAIT, without_priority),
    ("the shelter learns of the health", CASE, LEAST,
     consenting("offer-emergency-shelter", compartments=["identity", "contact", "location", "health"])),
    ("law enforcement learns of the health", CASE, LEAST,
     consenting("refer-to-law-enforcement", compartments=["identity", "health"])),
    ("a gate that shares", CASE, LEAST, consenting("request-review", compartments=["narrative"])),
    ("no Kyrgyz title", CASE, ANSWERABLE, without_text("screen", "title", "ky")),
    ("no Russian help", CASE, ANSWERABLE, without_text("inform-of-rights", "help", "ru")),
    ("an unknown source", CASE, ANSWERABLE, setting("close-case", source="decree-1")),
    ("an empty source", CASE, ANSWERABLE, setting("close-case", source="")),
    ("an assumption told as law", CASE, ANSWERABLE, dishonest_basis),
    ("a translation of unknown quality", CASE, ANSWERABLE, unreviewed_silence),
    ("a condition that never holds", CASE, DEAD, swapped),
    ("two steps waiting for one another", CASE, DEAD, setting("screen", after=["identify-by-ngo"])),
    ("a step that stays undone", CASE, DEAD, never_done),
    ("a misspelt fact", CASE, TYPED, guarding("screen", "nationality", is_="KG")),
    ("a misspelt value", CASE, TYPED, guarding("screen", "danger", is_="extreme")),
    ("a step after nothing", CASE, TYPED, setting("screen", after=["interview"])),
    ("a time limit from nothing", CASE, TYPED, counted_from("screen", "case.heard")),
    ("shelter asked for but not recorded", CASE, TYPED, setting("refer-for-shelter", records=[])),
    ("a referral recorded but not asked for", CASE, TYPED, setting("refer-for-shelter", opens=None)),
    ("an outcome that does not exist", CASE, TYPED,
     setting("screen", records=[{"fact": "screening", "to": ["maybe"]}])),
    ("a flag set by hand", CASE, TYPED, setting("screen", records=[{"fact": "done:screen", "to": ["yes"]}])),
    ("an outcome recorded twice", CASE, TYPED,
     setting("take-up-case", records=[{"fact": "case_work", "to": ["active"]}] * 2)),
    ("consent to what no fact tells", CASE, TYPED, consenting("refer-for-support", purpose="reporting")),
    ("another country's calendar", CASE, TYPED, lambda content: content.update(calendar="kz")),
    ("a message that nobody answers", CONTACT, END,
     setting("answer-message", when={"fact": "channel", "is": "voicemail"})),
    ("a message whose delay nobody hears of", CONTACT, WAIT, untold("answer-message")),
    ("an outcome only for who opens a case", CONTACT, CLOSABLE, guarding("record-outcome", "case_opened", is_="yes")),
    ("the coordinator tells the coordinator", CONTACT, WAIT,
     setting("call-back", responsible=["coordinator"])),
)  # fmt: skip
