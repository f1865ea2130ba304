"""`nrm indicators report`: the results monitoring framework of periods, exact, as a file."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from api.bootstrap import Access, database_access
from api.cli.acting import add_actor, claims_for
from api.development import ensure_keys
from api.refusals import record_refusal
from api.results.lines import Line, lines
from api.results.page import page
from api.results.sheets import as_csv, as_workbook
from api.runtime import Runtime, build
from api.settings import Settings, load_settings
from auth.authentication import enter
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims
from domain.codes import Language, Role
from domain.errors import DomainError, NotFound, NotPermitted
from domain.results.framework import Framework
from domain.results.queries import owned, regional, results
from domain.results.rules import Result

CODES = (
    "Exit codes: 0 done, 1 refused, or who reads it cannot be kept, 2 no such period, indicator or role, or the file "
    "cannot be written."
)
FORMATS = ("xlsx", "csv", "html")


@dataclass(frozen=True, slots=True)
class Report:
    """What is asked for.

    Attributes:
        indicators: Only these; empty: all that the actor is told of.
        region: Whether other countries of the framework and their sums are told too, as far as they were entered.
    """

    periods: tuple[str, ...]
    indicators: frozenset[str] = frozenset()
    region: bool = False
    form: str = "xlsx"
    language: Language = Language.ENGLISH


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    indicators = subparsers.add_parser("indicators", help="outcome indicators: results against targets")
    actions = indicators.add_subparsers(required=True, metavar="ACTION")
    meaning = "write the results monitoring framework of one or more periods into a file"
    command = actions.add_parser("report", help=meaning, description=meaning, epilog=CODES)
    command.add_argument(
        "--period",
        nargs="+",
        required=True,
        metavar="PERIOD",
        help="2019, 2019-H1, 2019-Q3, FY2019 (from October), 2015-01-01..2020-02-28, or a name of the framework",
    )
    command.add_argument("--indicator", nargs="+", default=[], metavar="KEY", help="only these")
    command.add_argument("--region", action="store_true", help="also what was entered of other countries, and the sums")
    command.add_argument("--format", dest="form", choices=FORMATS, default="xlsx")
    command.add_argument("--language", choices=[str(one) for one in Language], default=str(Language.ENGLISH))
    command.add_argument("--output", type=Path, required=True, metavar="FILE")
    add_actor(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write one report; returns the exit code."""
    subject, organisation, role = arguments.actor
    wanted = Report(
        tuple(arguments.period),
        frozenset(arguments.indicator),
        arguments.region,
        arguments.form,
        Language(arguments.language),
    )
    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)
    try:
        actor = subject, organisation, Role(role)
        with database_access(settings) as access:
            content, count = asyncio.run(_reported(wanted, actor, settings, access))
    except NotFound:
        print("no such indicator for you, or your country reports none", file=sys.stderr)
        return 2
    except DomainError as refused:
        print(f"refused, {refused.code}", file=sys.stderr)
        return 1
    except ValueError:
        print("no such period or role", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"nothing is told: {error}", file=sys.stderr)
        return 1
    try:
        arguments.output.write_bytes(content)
    except OSError as error:
        print(f"{arguments.output}: cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    print(f"{count} results written to {arguments.output}")
    return 0


async def _reported(
    wanted: Report, actor: tuple[str, str, Role], settings: Settings, access: Access
) -> tuple[bytes, int]:
    runtime = build(settings, access.dsns)
    try:
        return await report(wanted, claims_for(*actor, runtime), runtime)
    finally:
        await runtime.database.close()


async def report(wanted: Report, claims: Claims, runtime: Runtime) -> tuple[bytes, int]:
    """Return a report as bytes, and how many results it tells; that they were read, or refused, is in the audit.

    Raises:
        DomainError: the actor may not.
        NotFound: an indicator that they are not told of.
        ValueError: no such period.
        OSError: the second sink did not keep who reads what.
    """
    try:
        framework, found = await _found(wanted, claims, runtime)
    except (NotFound, NotPermitted) as refusal:
        await record_refusal(runtime, claims, refusal, command="indicators report")
        raise
    shown = list(lines(found, framework, runtime.catalogue, wanted.language))
    return _written(shown, framework, wanted, runtime), len(shown)


async def _found(wanted: Report, claims: Claims, runtime: Runtime) -> tuple[Framework, list[Result]]:
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        work = runtime.work(session, actor.now)
        permit = Authorisation(session, actor).own(Permission.INDICATOR_READ)
        framework = runtime.catalogue.framework(actor.country)
        told = list(await owned(session, framework, actor))
        if wanted.indicators:
            told = [one for one in told if one.key in wanted.indicators]
            if len(told) != len(wanted.indicators):
                raise NotFound
        found: list[Result] = []
        for period in [framework.period_called(name) for name in wanted.periods]:
            own = await results(framework, told, period, permit, work)
            found += own
            if wanted.region:
                found += await regional(session, framework, own, actor.country, period)
        await work.commit()
    order = {one.key: place for place, one in enumerate(told)}
    found.sort(key=lambda one: order[one.indicator])
    return framework, found


def _written(shown: Sequence[Line], framework: Framework, wanted: Report, runtime: Runtime) -> bytes:
    if wanted.form == "csv":
        return as_csv(shown, wanted.language)
    if wanted.form == "xlsx":
        return as_workbook(shown, wanted.language)
    today = runtime.catalogue.calendar(framework.country).day_of(runtime.clock.present())
    return page(shown, framework, wanted.language, today)
