"""One unit of work is one transaction, its audit entries and its notifications. The only place that commits."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from domain.audit.actions import AuditAction
from domain.audit.chain import Detail
from domain.audit.log import Happening, append, openings
from domain.audit.sink import Sink, is_opening
from domain.budgets.commands import open_within_budget
from domain.codes import Compartment
from domain.disclosures.models import Ground
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
        sink: Keeps what was opened outside the database too; None: nothing does.
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
        sink: Sink | None = None,
    ) -> None:
        self.session = session
        self.now = now
        self.ids = ids
        self.keys = keys
        self.catalogue = catalogue
        self.vault = Vault(session, keys, ids.random, catalogue.places)
        self._appended = appended
        self._sink = sink
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

    def today(self, country: str) -> date:
        """Return the day that it is in a country: in Bishkek the next one already when UTC has six hours to go."""
        return self.catalogue.calendar(country).day_of(self.now)

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
        """Record what the permit's actor did; written when the transaction commits, or not at all.

        Of what was opened it also says in which role: who leads the case may ask.
        """
        if is_opening(action):
            details.setdefault("role", str(permit.actor.role))
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
        ground: Ground,
        *,
        action: AuditAction,
        stream_id: UUID,
        record_id: UUID,
        kind: str,
    ) -> dict[Compartment, dict[str, Any]]:
        """Open the compartments of a ground's permit: the only way to plaintext.

        The ground was found in this transaction (`domain/disclosures/grounds.py`), which holds what it rests on. The
        audit entry is part of this transaction, and nothing is answered before the transaction has committed and the
        second sink has kept the entry too: no audit, no answer.

        Raises:
            NotPermitted: the permit opens nothing.
            ValueError: the action is not named as one that shows something.
            BudgetExceeded: the actor opened too much that is new.
        """
        permit = ground.permit
        if permit is not None and permit.holder_id is not None and permit.rule != UNCOUNTED:
            await open_within_budget(self, permit.actor, permit.holder_id)
        return (await self.reveal_each({record_id: (ground, stream_id)}, action=action, kind=kind))[record_id]

    async def reveal_each(
        self, grounds: Mapping[UUID, tuple[Ground, UUID]], *, action: AuditAction, kind: str
    ) -> dict[UUID, dict[Compartment, dict[str, Any]]]:
        """Open the compartments of several records, each on its own ground and with its own audit entry; see `reveal`.

        Args:
            grounds: By record: the ground, and the stream of the audit.
            action: What the audit calls it.
            kind: What kind of sealed value it is.
        """
        if not is_opening(action):
            raise ValueError("an action that shows something says so in its name")
        places: dict[UUID, Place] = {}
        permits: dict[UUID, Permit] = {}
        for record_id, (ground, _) in grounds.items():
            permit = ground.permit
            if permit is None or permit.holder_id is None or not permit.compartments:
                raise NotPermitted(rule="clock" if permit is None else permit.rule)
            places[record_id], permits[record_id] = Place(permit.holder_id, record_id, kind), permit
        opened = await self.vault.take_each({places[one]: permit.compartments for one, permit in permits.items()})
        for record_id, (ground, stream_id) in grounds.items():
            self.audit(
                action,
                permits[record_id],
                stream_id=stream_id,
                subject_id=record_id,
                kind=kind,
                compartments=[str(one) for one in sorted(permits[record_id].compartments)],
                **ground.told(),
            )
        return {record_id: opened[place] for record_id, place in places.items()}

    async def hand_on(
        self, ground: Ground, source: Place, target: Place, compartments: Collection[Compartment]
    ) -> dict[Compartment, str]:
        """Seal compartments again under keys that somebody else will open; on a ground only, see `reveal`.

        Returns the fingerprints of what was sealed.
        """
        if ground.permit is None:
            raise NotPermitted(rule="clock")
        return await self.vault.copy(source, target, compartments, self.now)

    async def commit(self) -> None:
        """Write what was added and what it must be remembered by, and commit both or neither.

        What was opened is then kept in the second sink, after the commit: an entry of the sink that the database does
        not have must always be a sign that the database was set back.

        Raises:
            OSError: the second sink did not keep it. Nothing is lost, and nothing may be answered.
        """
        await self.session.flush()
        happenings, self._happenings = self._happenings, []
        await append(self.session, happenings, self.now)
        opened = []
        if self._sink is not None and any(is_opening(one.action) for one in happenings):
            opened = await openings(self.session, happenings)
        await self.session.commit()
        if self._appended is not None:
            self._appended(len(happenings))
        if self._sink is not None and opened:
            await self._sink.keep(opened)

    async def one(self, model: type[Record], **wanted: Any) -> Record | None:
        """Return the record with these values, or None."""
        return (await self.session.execute(select(model).filter_by(**wanted))).scalar_one_or_none()
