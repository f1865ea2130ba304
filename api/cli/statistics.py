"""`nrm statistics`: from the counts of closed periods to a signed release that anybody can verify."""

import argparse
import asyncio
import base64
import binascii
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api.bootstrap import Access, database_access
from api.cli.acting import add_actor, claims_for
from api.cli.audit_tree import run_key
from api.cli.exporting import acting_as, progress, usable_settings
from api.runtime import Runtime, build, release_key
from api.statistics.publishing import GateRefused, Publisher
from auth.tokens import Claims
from domain.audit.notes import KeyKind, NoteRefused, PublicKey
from domain.errors import DomainError
from domain.statistics.document import ReleaseBroken, address, opened
from domain.statistics.examining import Report
from domain.statistics.gate import Tell
from domain.statistics.models import ReleaseCandidate
from domain.statistics.preparing import NothingToPublish

CODES = "Exit codes: 0 done, 1 refused, 2 unreadable."
EXIT_REFUSED = 1
EXIT_UNREADABLE = 2
Done = TypeVar("Done")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `statistics` and what can be done with it."""
    statistics = subparsers.add_parser("statistics", help="releases of statistics: prepare, approve, publish, verify")
    actions = statistics.add_subparsers(required=True, metavar="ACTION")
    prepare = _command(actions, "prepare", "prepare the next release and keep it with the gate's report", run_prepare)
    add_actor(prepare)
    erratum = _command(actions, "erratum", "prepare the retraction of a published window", run_prepare)
    for name in ("population", "table", "first", "last"):
        erratum.add_argument(name, help="as the release spells it")
    add_actor(erratum)
    gate = _command(actions, "gate", "let the gate look at a candidate again, and print its report", run_gate)
    gate.add_argument("address", nargs="?", help="of the candidate; the newest unless given")
    approve = _command(actions, "approve", "sign the gate's report on a candidate", run_approve)
    approve.add_argument("address", help="of the candidate")
    approve.add_argument("report", help="the digest of the report that you have read")
    add_actor(approve)
    publish = _command(actions, "publish", "publish a candidate that two have signed", run_publish)
    publish.add_argument("address", help="of the candidate")
    verify = _command(actions, "verify", "verify a downloaded release; needs neither database nor settings", run_verify)
    verify.add_argument("release", type=Path, help="the release as it was served")
    verify.add_argument("signature", type=Path, help="its signature.txt")
    verify.add_argument("--key", required=True, help="the public key of whoever publishes, a file or the line itself")
    verify.add_argument("--address", help="the address that it must have")
    key = _command(actions, "key", "make the key that signs releases; prints its public key", run_key)
    key.add_argument("--name", required=True, help="like an address without a scheme: nrm.example/kg")
    key.add_argument("--output", type=Path, required=True, help="a new file; an existing one is never replaced")
    key.set_defaults(kind=KeyKind.RELEASE)


def _command(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    meaning: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    command = actions.add_parser(name, help=meaning, description=meaning, epilog=CODES)
    command.set_defaults(run=run)
    return command


def run_prepare(arguments: argparse.Namespace) -> int:
    """Prepare a release, or an erratum; returns the exit code."""
    wrong = None
    if "population" in arguments:
        wrong = (arguments.population, arguments.table, arguments.first, arguments.last)

    async def work(publisher: Publisher, claims: Claims) -> ReleaseCandidate:
        return await publisher.prepare(claims, wrong)

    kept = _acted(arguments, work)
    if kept is None:
        return EXIT_REFUSED
    print(f"{kept.address}: candidate {kept.number} of {kept.country}, report {kept.report_digest}")
    return _told(kept.report)


def run_gate(arguments: argparse.Namespace) -> int:
    """Print the gate's report; returns the exit code: 1 if it found something."""

    async def work(publisher: Publisher) -> Report:
        return await publisher.gate(arguments.address)

    report = _worked(work)
    return EXIT_REFUSED if report is None else _told(report.text)


def run_approve(arguments: argparse.Namespace) -> int:
    """Sign a report in somebody's name; returns the exit code."""

    async def work(publisher: Publisher, claims: Claims) -> ReleaseCandidate:
        return await publisher.approve(claims, arguments.address, arguments.report)

    signed = _acted(arguments, work)
    if signed is None:
        return EXIT_REFUSED
    print(f"{signed.address}: signed")
    return 0


def run_publish(arguments: argparse.Namespace) -> int:
    """Publish; returns the exit code."""
    key = release_key(usable_settings())

    async def work(publisher: Publisher) -> str:
        release = await publisher.publish(arguments.address, key)
        return f"{release.id}: published as release {release.number} of {release.country}"

    said = _worked(work)
    if said is None:
        return EXIT_REFUSED
    print(said)
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify a release that lies in a file; returns the exit code: 0 right, 1 altered or not signed, 2 unreadable."""
    try:
        raw = arguments.release.read_bytes()
        signature = base64.b64decode(arguments.signature.read_bytes().strip(), validate=True)
        line = Path(arguments.key).read_text("ascii") if Path(arguments.key).is_file() else arguments.key
        key = Ed25519PublicKey.from_public_bytes(PublicKey.read(line, KeyKind.RELEASE).key)
    except (OSError, NoteRefused, binascii.Error, UnicodeDecodeError) as error:
        print(f"cannot be read: {type(error).__name__}", file=sys.stderr)
        return EXIT_UNREADABLE
    try:
        content = opened(raw, signature, key, expected=arguments.address)
    except ReleaseBroken:
        print(f"{arguments.release}: is not what was signed with this key", file=sys.stderr)
        return EXIT_REFUSED
    print(f"{arguments.release}: release {content['number']} of {content['country']}, {address(raw)}")
    return 0


def _told(report: str) -> int:
    content = json.loads(report)
    print(json.dumps(content, indent=1))
    return 0 if content["passed"] else EXIT_REFUSED


def _acted(arguments: argparse.Namespace, work: Callable[[Publisher, Claims], Awaitable[Done]]) -> Done | None:
    """Do something in the name of a member of staff; returns None after saying why it was refused."""
    acting = acting_as(arguments)
    if acting is None:
        return None
    return _worked(lambda publisher: work(publisher, claims_for(*acting, publisher.runtime)))


def _worked(work: Callable[[Publisher], Awaitable[Done]]) -> Done | None:
    """Do something with the installation; returns None after saying why it was refused."""
    settings = usable_settings()
    try:
        with database_access(settings) as access, progress("attackers") as bar:
            return asyncio.run(_done(build(settings, access.dsns), access, bar.update, work))
    except GateRefused as refused:
        _told(refused.report.text)
    except NothingToPublish:
        print("nothing to publish: no period has ended since, or no such window stands", file=sys.stderr)
    except DomainError as refused:
        print(f"refused, {refused.code}", file=sys.stderr)
    return None


async def _done(runtime: Runtime, access: Access, tell: Tell, work: Callable[[Publisher], Awaitable[Done]]) -> Done:
    try:
        return await work(Publisher(runtime, access, tell))
    finally:
        await runtime.database.close()
