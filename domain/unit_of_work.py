"""One unit of work is one transaction, its audit entries and its notifications. The only place that commits."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from domain.audit.actions import AuditAction
from domain.audit.chain import Detail
from domain.audit.log import Happening, append
from domain.budgets.commands import open_within_budget
from domain.codes import Compartment
from domain.errors import NotFound, NotPermitted
from domain.identifiers import Identifiers
from domain.notifications.models import Notification, NotificationKind
from domain.permits import Permit
from domain.sealing.providers import KeyProvider
from domain.sealing.vault import Place, Vault
from domain.workflow.catalogue import Catalogue

UNCOUNTED = "break-glass"
"""The rule of emergency access, which has a budget of its own."""

Record = TypeVar("Record", bound=SQLModel)


class UnitOfWork:
    """What a command needs: the transaction, the instant, ids, sealing, and the procedures.

    Args:
        session: A transaction whose context (organisation, staff, role, instant) is already set.
        now: The database's clock at the start of the transaction.
        ids: Makes ids and references.
        keys: Wraps and unwraps data keys.
        catalogue: The published procedures.
        appended: Is told how many audit entries were committed.
    """

    def __init__(
        self,
        session: AsyncSession,
        *,
        now: datetime,
        ids: Identifiers,
        keys: KeyProvider,
        catalogue: Catalogue,
        appended: Callable[[int], None] | None = None,
    ) -> None:
        self.session = session
        self.now = now
        self.ids = ids
        self.keys = keys
        self.catalogue = catalogue
        self.vault = Vault(session, keys, ids.random)
        self._appended = appended
        self._happenings: list[Happening] = []

    def add(self, *records: SQLModel) -> None:
        """Write new records with this transaction."""
        self.session.add_all(records)

    async def flush(self) -> None:
        """Send what was added, where row-level security must see one record before the next."""
        await self.session.flush()

    async def lock(self, model: type[Record], record_id: UUID) -> Record:
        """Return a record, locked until the transaction ends and read afresh.

        Referrals are locked before their case, and a case before its deadlines, so that nobody waits in a circle. The
        lock lets others write records that only point here (`FOR NO KEY UPDATE`).

        Raises:
            NotFound: it does not exist for this transaction.
        """
        found = await self.session.get(model, record_id, with_for_update={"key_share": True}, populate_existing=True)
        if found is None:
            raise NotFound
        return found

    async def lock_if_free(self, model: type[Record], record_id: UUID | tuple[UUID, ...]) -> Record | None:
        """Return a record locked as `lock` does, or None if somebody else holds it at this moment."""
        options = {"key_share": True, "skip_locked": True}
        return await self.session.get(model, record_id, with_for_update=options, populate_existing=True)

    async def get(self, model: type[Record], record_id: UUID) -> Record:
        """Return a record, or raise NotFound."""
        found = await self.session.get(model, record_id)
        if found is None:
            raise NotFound
        return found

    def audit(
        self,
        action: AuditAction,
        permit: Permit,
        *,
        stream_id: UUID,
        subject_id: UUID | None = None,
        **details: Detail,
    ) -> None:
        """Record what the permit's actor did; written when the transaction commits, or not at all."""
        self._happenings.append(
            Happening(
                action,
                stream_id,
                subject_id or permit.subject_id,
                permit.rule,
                permit.actor.staff_id,
                permit.actor.organisation_id,
                details,
            )
        )

    def audit_clock(
        self, action: AuditAction, *, stream_id: UUID, subject_id: UUID, rule: str, **details: Detail
    ) -> None:
        """Record what the clock did, on its own or after an act of somebody."""
        self._happenings.append(Happening(action, stream_id, subject_id, rule, details=details))

    def audit_happening(self, happening: Happening) -> None:
        """Record something whose permit was refused."""
        self._happenings.append(happening)

    def notify(self, organisation_id: UUID, kind: NotificationKind, reference: str, detail: str | None = None) -> None:
        """Tell an organisation, by reference and without content, if and when the transaction commits."""
        self.add(
            Notification(
                id=self.ids.uuid(),
                organisation_id=organisation_id,
                kind=kind,
                reference=reference,
                detail=detail,
                created_at=self.now,
            )
        )

    async def reveal(
        self,
        permit: Permit,
        *,
        action: AuditAction,
        stream_id: UUID,
        record_id: UUID,
        kind: str,
    ) -> dict[Compartment, dict[str, Any]]:
        """Open the permit's compartments: the only way to plaintext.

        The audit entry is part of this transaction, and nothing is answered before the transaction has committed: no
        audit, no answer.

        Raises:
            NotPermitted: the permit opens nothing.
            BudgetExceeded: the actor opened too much that is new.
        """
        if permit.holder_id is not None and permit.rule != UNCOUNTED:
            await open_within_budget(self, permit.actor, permit.holder_id)
        return (await self.reveal_each({record_id: (permit, stream_id)}, action=action, kind=kind))[record_id]

    async def reveal_each(
        self, permits: Mapping[UUID, tuple[Permit, UUID]], *, action: AuditAction, kind: str
    ) -> dict[UUID, dict[Compartment, dict[str, Any]]]:
        """Open the compartments of several records, each by its own permit and with its own audit entry; see `reveal`.

        Args:
            permits: By record: the permit, and the stream of the audit.
            action: What the audit calls it.
            kind: What kind of sealed value it is.
        """
        places: dict[UUID, Place] = {}
        for record_id, (permit, _) in permits.items():
            if permit.holder_id is None or not permit.compartments:
                raise NotPermitted(rule=permit.rule)
            places[record_id] = Place(permit.holder_id, record_id, kind)
        opened = await self.vault.take_each({places[one]: permit.compartments for one, (permit, _) in permits.items()})
        for record_id, (permit, stream_id) in permits.items():
            self.audit(
                action,
                permit,
                stream_id=stream_id,
                subject_id=record_id,
                kind=kind,
                compartments=[str(one) for one in sorted(permit.compartments)],
            )
        return {record_id: opened[place] for record_id, place in places.items()}

    async def commit(self) -> None:
        """Write what was added and what it must be remembered by, and commit both or neither."""
        await self.session.flush()
        await append(self.session, self._happenings, self.now)
        await self.session.commit()
        if self._appended is not None:
            self._appended(len(self._happenings))
        self._happenings.clear()

    async def one(self, model: type[Record], **wanted: Any) -> Record | None:
        """Return the record with these values, or None."""
        return (await self.session.execute(select(model).filter_by(**wanted))).scalar_one_or_none()
