"""Acting: the people of the demonstration send real requests, and each answer is compared with what was expected."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as time_of_day
from itertools import count
from typing import Any, Final, TextIO
from zoneinfo import ZoneInfo

import httpx

from api.demo.page import Page
from api.demo.persons import Invented, InventedPerson
from api.development import LocalIssuer
from auth.policies import Rule
from domain.codes import Role

PATIENCE: Final = 30.0
"""Seconds to wait for the worker or for a process to start."""
PAUSE: Final = 0.1
MIDNIGHT: Final = time_of_day(0)


@dataclass(frozen=True)
class Actor:
    """One of the people who act.

    Attributes:
        title: How the page names them.
        subject: As the directory names them.
        organisation: Its code.
        role: What they do there.
        place: How the page names the organisation.
    """

    title: str
    subject: str
    organisation: str
    role: Role
    place: str


OPERATOR = Actor("Hotline operator", "hotline-operator", "HOTLINE", Role.HOTLINE_OPERATOR, "the hotline")
CASEWORKER = Actor("NGO caseworker", "caseworker-alpha", "NGO-ALPHA", Role.NGO_CASEWORKER, "the NGO Alpha")
COLLEAGUE = Actor("Caseworker (Beta)", "caseworker-beta", "NGO-BETA", Role.NGO_CASEWORKER, "the NGO Beta")
POLICE = Actor("Police officer", "police-officer", "POLICE", Role.POLICE_OFFICER, "the police")
NORTH = Actor("Shelter North", "shelter-worker-north", "SHELTER-NORTH", Role.SHELTER_STAFF, "Shelter North")
SOUTH = Actor("Shelter South", "shelter-worker-south", "SHELTER-SOUTH", Role.SHELTER_STAFF, "Shelter South")
GUARDIANS = Actor("Guardianship", "guardianship-officer", "GUARDIANS", Role.SHELTER_STAFF, "the guardianship office")
FOCAL_POINT = Actor("Focal point", "focal-point", "MIGRATION", Role.FOCAL_POINT, "the migration service")
MONITOR = Actor("M&E officer", "monitoring-officer", "MONITORING", Role.MONITORING_STAFF, "the monitoring unit")
COORDINATOR = Actor("Coordinator", "coordinator", "COORDINATION", Role.COORDINATOR, "the coordination")

Json = dict[str, Any]


class Unexpected(RuntimeError):
    """The service did not answer as the story has it."""


@dataclass
class Play:
    """One day of the demonstration.

    Attributes:
        page: Where it is told.
        client: To the API of that day.
        issuer: Makes the tokens of that day.
        zone: Where the story takes place.
        invented: The persons.
        refusals: Gets every refusing answer as it was received.
        numbers: Makes idempotency keys.
    """

    page: Page
    client: httpx.Client
    issuer: LocalIssuer
    zone: ZoneInfo
    invented: Invented
    refusals: TextIO
    numbers: Callable[[], int] = field(default_factory=lambda: count(1).__next__)

    def person(self, name: str) -> InventedPerson:
        """Return an invented person."""
        return self.invented.persons[name]

    def send(
        self, who: Actor, method: str, path: str, body: Any = None, *, version: str | None = None, language: str = "en"
    ) -> httpx.Response:
        """Send one request as somebody; whatever refuses is kept."""
        token = self.issuer.token(who.subject, who.organisation, who.role)
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        if method != "GET":
            headers["Idempotency-Key"] = f"demo-{self.numbers():06}"
        if version is not None:
            headers["If-Match"] = version
        answer = self.client.request(method, f"/v1{path}", json=body, headers=headers)
        if answer.is_error:
            lines = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
            self.refusals.write(f"{answer.status_code}\n{lines}\n{answer.text}\n\n")
        return answer

    def ask(self, who: Actor, method: str, path: str, body: Any = None, *, version: str | None = None) -> Any:
        """Send one request that must succeed; returns the body, if there is one.

        Raises:
            Unexpected: it did not succeed.
        """
        answer = self.send(who, method, path, body, version=version)
        if not answer.is_success:
            raise Unexpected(f"{who.title}: {method} {path}: expected success, got {said(answer)}")
        return answer.json() if answer.content else None

    def get(self, who: Actor, path: str) -> Any:
        """Read something that must be readable."""
        return self.ask(who, "GET", path)

    def post(self, who: Actor, path: str, body: Any = None) -> Any:
        """Create something, which must succeed."""
        return self.ask(who, "POST", path, body)

    def change(self, who: Actor, method: str, path: str, body: Any = None, *, of: str) -> Any:
        """Change something in the version that it has now: the `ETag` of the path `of`."""
        seen = self.send(who, "GET", of)
        return self.ask(who, method, path, body, version=seen.headers.get("etag"))

    def act(self, who: Actor, referral: str, act: str, body: Any = None) -> Json:
        """Do one act on a referral."""
        of = f"/referrals/{referral}"
        done: Json = self.change(who, "POST", f"{of}/{act}", body, of=of)
        return done

    def expect(self, claim: str, found: object, wanted: object) -> None:
        """Make sure that the story is true.

        Raises:
            Unexpected: it is not.
        """
        if found != wanted:
            raise Unexpected(f"{claim}: expected {wanted}, found {found}")

    def wait_until(self, claim: str, holds: Callable[[], bool]) -> None:
        """Wait for the worker to have done something.

        Raises:
            Unexpected: it did not in time.
        """
        until = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > until:
                raise Unexpected(f"{claim}: not within {PATIENCE:.0f} seconds")
            time.sleep(PAUSE)

    def did(self, who: Actor, what: str, *remarks: tuple[str, str]) -> None:
        """Tell who did what."""
        self.page.did(who.title, what, remarks)

    def refused(
        self, who: Actor, what: str, method: str, path: str, body: Any = None, *, code: str, because: str = ""
    ) -> Json:
        """Try what must be refused, and tell the answer.

        Raises:
            Unexpected: it was not refused, or otherwise than expected.
        """
        version = None
        if method != "GET" and path.startswith("/referrals/"):
            version = self.send(who, "GET", "/".join(path.split("/")[:3])).headers.get("etag")
        answer = self.send(who, method, path, body, version=version)
        if said(answer).partition(" ")[2] != code:
            raise Unexpected(f"{who.title}: {method} {path}: expected the refusal {code}, got {said(answer)}")
        problem: Json = answer.json()
        self.page.refused(who.title, what, f"{problem['title']} ({code}, {answer.status_code})", because)
        return problem

    def steps(self, who: Actor, case: str) -> Json:
        """Return the next steps of a case."""
        found: Json = self.get(who, f"/cases/{case}/next-steps")
        return found

    def open_step(self, who: Actor, case: str, key: str) -> Json:
        """Return one open step.

        Raises:
            Unexpected: it is not open.
        """
        for step in self.steps(who, case)["open"]:
            if step["step"] == key:
                return dict(step)
        raise Unexpected(f"{who.title}: the step {key} of {case} is not open")

    def local(self, instant: str | None) -> str:
        """Return an instant as the clock on the wall in Bishkek shows it; midnight is the end of the day before."""
        if instant is None:
            return "no time limit"
        local = datetime.fromisoformat(instant).astimezone(self.zone)
        if local.time() == MIDNIGHT:
            return f"the end of {local - timedelta(days=1):%a %d %b %Y}"
        return f"{local:%a %d %b %Y, %H:%M}"


def said(answer: httpx.Response) -> str:
    """Return what an answer says, without anything about persons."""
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    code = answer.json()["code"] if is_problem else ""
    return f"{answer.status_code} {code}".strip()


def why_step(step: Json) -> tuple[str, str]:
    """Return why a step may be taken: its source, and whether that states it or we assume it."""
    source = step["source"]
    text = f"“{step['title']}”: {source['reference']} ({source['basis']})"
    if step["rests_on"]:
        text += f"; rests on {spoken(step['rests_on'])}"
    return "why", text


def why_rule(rule: Rule) -> tuple[str, str]:
    """Return why a rule allows something."""
    return "why", rule.because


def spoken(code: str) -> str:
    """Return a code as people say it."""
    return code.replace("_", " ")


def listed(codes: Iterable[str]) -> str:
    """Return codes as a list in a sentence."""
    return ", ".join(spoken(code) for code in codes)
