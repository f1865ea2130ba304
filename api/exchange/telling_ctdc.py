"""Tells of the cases that an organisation leads in the 27 variables of CTDC: coded, without words and without names."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from api.exchange.ctdc import COLUMNS, RECIPIENTS, barred, variables
from api.exchange.giving_out import AT_ONCE, led, still_led
from api.exchange.rows import Format, tabled
from api.refusals import record_refusal
from api.runtime import Runtime
from auth.authentication import enter
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims
from domain.audit.actions import AuditAction
from domain.cases.queries import records
from domain.disclosures.grounds import hold_each, to_report
from domain.errors import NotPermitted
from domain.exploitation.queries import speaking


@dataclass(slots=True)
class MicroData:
    """Rows of variables, and how many cases are not among them, by the reason."""

    rows: list[dict[str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def written(self, form: Format) -> bytes:
        """Return a file whose order tells nothing of when a case came."""
        lines = sorted([row[name] for name in COLUMNS] for row in self.rows)
        return tabled([list(COLUMNS), *lines], form)


async def tell(claims: Claims, runtime: Runtime, told: Callable[[int], object] = lambda _: None) -> MicroData:
    """Return the micro-data of the cases that the organisation leads; that each was told of is in the audit.

    Raises:
        TokenRefused: the person of staff is no member of the organisation in this role.
        NotPermitted: the role reads no records of cases; the refusal is in the audit.
    """
    try:
        ids = await led(claims, runtime, Permission.RECORD_READ)
    except NotPermitted as refusal:
        await record_refusal(runtime, claims, refusal, command="export ctdc")
        raise
    found = MicroData()
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        await _add(part, found, claims, runtime)
        told(len(part))
    return found


async def _add(ids: Sequence[UUID], found: MicroData, claims: Claims, runtime: Runtime) -> None:
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        work = runtime.work(session, actor.now)
        may = Authorisation(session, actor)
        held = await hold_each(work, ids)
        cases = [case for case in await still_led(ids, may) if case.id in held]
        recorded, calendar = await records(session, cases), work.catalogue.calendar(actor.country)
        episodes = await speaking(session, recorded.keys())
        reasons = {case_id: barred(record, held[case_id]) for case_id, record in recorded.items()}
        found.left_out.update(reason for reason in reasons.values() if reason is not None)
        open_ones = [case_id for case_id, reason in reasons.items() if reason is None]
        for case, permit in await may.cases(open_ones, Permission.RECORD_READ):
            ground = to_report(permit, recorded[case.id].consents, RECIPIENTS, held[case.id])
            if ground is None:
                continue
            work.audit(AuditAction.CASE_READ, permit, stream_id=case.id, subject_id=case.id, **ground.told())
            found.rows.append(variables(recorded[case.id], episodes[case.id], calendar))
        await work.commit()
