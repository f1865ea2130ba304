"""What a transaction does at its end, and what the clock does, where one case lies in a ledger and nobody else acts."""

from datetime import datetime
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from api.year.ledger import Ledger
from domain.audit.chain import Entry, entry_hash, genesis
from domain.audit.log import Happening
from domain.audit.models import AuditEntry, AuditHead
from domain.deadlines.firing import AWAITED, escalate, still_meant  # the clock's own rules, without its locks
from domain.deadlines.models import Deadline, DeadlineKind
from domain.identifiers import Identifiers
from domain.notifications.models import NotificationKind
from domain.referrals.models import Referral
from domain.sealing.providers import KeyProvider, RandomBytes
from domain.sealing.vault import Vault
from domain.unit_of_work import UnitOfWork
from domain.workflow.catalogue import Catalogue


class WorkAlone(UnitOfWork):
    """A unit of work over a ledger: its audit entries are linked to the chain without locks, since nobody else writes.

    Args:
        ledger: The records of one case.
        now: The simulated instant.
        ids: Makes ids and references, from the seed.
        keys: Wraps and unwraps data keys.
        catalogue: The published procedures.
        key_material: Makes data keys and nonces; never the seeded source of ids.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        now: datetime,
        ids: Identifiers,
        keys: KeyProvider,
        catalogue: Catalogue,
        key_material: RandomBytes,
    ) -> None:
        session = cast("AsyncSession", ledger)
        super().__init__(session, now=now, ids=ids, keys=keys, catalogue=catalogue)
        self.vault = Vault(session, keys, key_material, catalogue.places)
        self.ledger = ledger

    async def commit(self) -> None:
        """Link what happened to the chains."""
        for happening in self._happenings:
            self._append(happening)
        self._happenings.clear()

    def _append(self, happening: Happening) -> None:
        heads = {head.stream_id: head for head in self.ledger.rows(AuditHead)}
        stream = happening.stream_id
        head = heads.get(stream) or AuditHead(stream_id=stream, sequence=0, at=self.now, hash=genesis(stream))
        entry = Entry(
            stream_id=stream,
            sequence=head.sequence + 1,
            action=happening.action,
            actor_id=happening.actor_id,
            organisation_id=happening.organisation_id,
            subject_id=happening.subject_id,
            rule=happening.rule,
            details=dict(happening.details),
            at=self.now,
        )
        head.hash, head.sequence, head.at = entry_hash(head.hash, entry), entry.sequence, entry.at
        fields = {name: getattr(entry, name) for name in Entry.__slots__ if name != "details"}
        self.ledger.add_all([head, AuditEntry(**fields, details=dict(entry.details), hash=head.hash)])


LEFT_TO_THE_WORKER = frozenset({DeadlineKind.RETENTION, DeadlineKind.CONTACT_RETENTION, DeadlineKind.ERASURE})
"""Keys are destroyed in the database, where the ledger is: the worker does it once the year is loaded."""


def next_due(ledger: Ledger) -> Deadline | None:
    """Return the deadline that falls due first and was neither fired nor settled, or None."""
    running = [
        one
        for one in ledger.rows(Deadline)
        if one.fired_at is None and one.settled_at is None and one.kind not in LEFT_TO_THE_WORKER
    ]
    return min(running, key=lambda one: (one.due_at, one.id), default=None)


async def fire(deadline: Deadline, work: WorkAlone) -> None:
    """Fire one deadline, or settle it if its reason has gone."""
    if deadline.kind == DeadlineKind.REFERRAL_RESPONSE:
        meant = await _unanswered(deadline, work)
    else:
        meant = await still_meant(work, deadline)
    if meant:
        deadline.fired_at = work.now
    else:
        deadline.settled_at = work.now


async def _unanswered(deadline: Deadline, work: WorkAlone) -> bool:
    """Say that a referral was not answered in time, if it is still waited for."""
    referral = await work.get(Referral, deadline.subject_id)
    if referral.status not in AWAITED[DeadlineKind.REFERRAL_RESPONSE]:
        return False
    await escalate(work, deadline, NotificationKind.REFERRAL_OVERDUE, referral.reference, referral.priority)
    return True
