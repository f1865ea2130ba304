"""Two cases of one person become one, and are again two when that was a mistake.

A merge moves no record. The merged case keeps its reference, its history, its consents and its keys; it is led and read
by who leads the survivor, and changed and counted no more. So nothing is opened more widely than the person agreed to
for either case, and undoing gives back exactly what there was.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.cases.commands import KIND, audit_seal, person_of
from domain.cases.models import Case, Relation
from domain.cases.queries import record_of, running_grants
from domain.codes import Compartment, DuplicateAnswer, Purpose
from domain.consents.rules import covering
from domain.deadlines.commands import ask_for_refresh
from domain.deadlines.models import Deadline, DeadlineKind
from domain.disclosures.grounds import to_hand_over, to_open
from domain.duplicates.models import CaseMerge, CaseSeparation
from domain.duplicates.rules import Said, Statement, answer, wants_merge
from domain.duplicates.warnings import Side, Warnings, sides, state, warning_id
from domain.errors import NotFound, StateConflict
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.referrals.rules import OVER
from domain.sealing.vault import Place
from domain.workflow.engine import ConsentMissing

if TYPE_CHECKING:
    from domain.permits import Permit
    from domain.unit_of_work import UnitOfWork


def told(side: Side, warnings: Warnings) -> bool:
    """Whether a pair may be told to who leads its first case.

    Who recorded the person first keeps watch and is told. The other side, who asked, hears nothing, unless the first
    wants to merge and the person agreed that the asker may know of the first case.
    """
    return side.keeps_watch or (
        side.agreed and wants_merge(warnings.said_of(side.mine, side.other), side.other, side.mine)
    )


async def pair_of(work: "UnitOfWork", warnings: Warnings, case: Case, named: UUID) -> Side:
    """Return a pair by the name that one side knows it by.

    Raises:
        NotFound: there is none, or the asker may not know of it.
    """
    for side in await sides(work, warnings, [case.id]):
        if told(side, warnings) and warning_id(side.mine, side.other, work.keys) == named:
            return side
    raise NotFound


async def answer_warning(
    says: DuplicateAnswer, named: UUID, warnings: Warnings, permit: "Permit", work: "UnitOfWork"
) -> None:
    """Record what who leads a case says of another one that is like it. The audit names the case, not the other."""
    case = await work.lock(Case, permit.subject_id)
    side = await pair_of(work, warnings, case, named)
    await _say(Statement(side.mine, side.other, says, work.now), permit, work)


async def merge(named: UUID, warnings: Warnings, permit: "Permit", work: "UnitOfWork") -> bool:
    """Merge two cases about one person, or ask for it; returns whether they are merged.

    The older record goes on. Where one organisation leads both, it merges. Where two do, who leads the older asks, and
    who leads the other merges by asking too: never without the one's decision and the other's agreement.

    Raises:
        NotFound: see `pair_of`.
        StateConflict: nobody has said that they are the same person; or something is still under way in the case that
            is to end: it is finished, or sent anew from the other, first.
    """
    case = await work.lock(Case, permit.subject_id)
    side = await pair_of(work, warnings, case, named)
    said = warnings.said_of(side.mine, side.other)
    if side.keeps_watch and answer(said, side.mine, side.other) != DuplicateAnswer.SAME_PERSON:
        raise StateConflict(current="not-decided")
    if side.keeps_watch and not side.same_leader:
        await _say(Statement(side.mine, side.other, Said.MERGE_WANTED, work.now), permit, work)
        return False
    survivor_id, merged_id = (side.mine, side.other) if side.keeps_watch else (side.other, side.mine)
    await _merge(survivor_id, await work.lock(Case, merged_id), side, permit, work)
    return True


async def _say(statement: Statement, permit: "Permit", work: "UnitOfWork") -> None:
    statement_id = await state(work, statement, permit.actor.organisation_id)
    work.audit(AuditAction.DUPLICATE_ANSWERED, permit, stream_id=statement.mine, subject_id=statement_id)


async def _merge(survivor_id: UUID, merged: Case, side: Side, permit: "Permit", work: "UnitOfWork") -> None:
    if merged.merged_into_id is not None:
        raise StateConflict(current="merged")
    record = await record_of(work.session, merged)
    courses = (await work.session.execute(select(func.nrm_has_courses(merged.id)))).scalar_one()
    sent = any(referral.status not in OVER for referral in record.referrals)
    if sent or courses or any(episode.ended_at is None for episode in record.episodes):
        raise StateConflict(current="under-way")
    leader = await work.one(Organisation, code=side.leader)
    if leader is None:
        raise NotFound
    grants = await running_grants(work.session, merged.id, Relation.OWNER, work.now)
    opened = {code for grant in grants for code in grant.compartments}
    if not side.same_leader:
        _, handed = await to_hand_over(work, record, leader)
        opened = {str(one) for one in handed}
    await _settle_steps(work, merged)
    merge_id = work.ids.uuid()
    for stream_id in (merged.id, survivor_id):
        work.audit(AuditAction.CASES_MERGED, permit, stream_id=stream_id, subject_id=merge_id)
    work.add(
        CaseMerge(
            id=merge_id,
            survivor_id=survivor_id,
            merged_id=merged.id,
            former_organisation_id=merged.owner_organisation_id,
            compartments=sorted(opened),
            grant_id=work.ids.uuid(),
            merged_at=work.now,
            staff_id=permit.actor.staff_id,
        )
    )
    if not side.same_leader:
        work.notify(leader.id, NotificationKind.CASE_HANDED_OVER, merged.reference)
    await work.flush()


async def _settle_steps(work: "UnitOfWork", case: Case) -> None:
    await work.session.execute(
        update(Deadline)
        .where(
            col(Deadline.subject_id) == case.id,
            col(Deadline.kind) == DeadlineKind.STEP,
            col(Deadline.fired_at).is_(None),
            col(Deadline.settled_at).is_(None),
        )
        .values(settled_at=work.now)
    )


async def separate(keep: Collection[Compartment], permit: "Permit", work: "UnitOfWork") -> None:
    """Undo a merge: the case is again led by who led it, with the grants and walls it had.

    What was recorded meanwhile was recorded in the survivor and stays there, and a wall that was raised meanwhile stays
    before both.

    Args:
        keep: Compartments that go into the separated case as the survivor holds them now: what was learned meanwhile.
        permit: For the merged case.
        work: The unit of work.

    Raises:
        StateConflict: the case is not merged into another.
    """
    merged = await work.lock(Case, permit.subject_id)
    if merged.merged_into_id is None:
        raise StateConflict(current="not-merged")
    survivor_id = merged.merged_into_id
    rows = await work.session.execute(
        select(CaseMerge)
        .where(col(CaseMerge.merged_id) == merged.id)
        .order_by(col(CaseMerge.merged_at).desc())
        .limit(1)
    )
    done = rows.scalar_one()
    if keep:
        await _copy(work, permit, survivor_id, merged, done.former_organisation_id, keep)
    for stream_id in (merged.id, survivor_id):
        work.audit(AuditAction.CASES_SEPARATED, permit, stream_id=stream_id, subject_id=done.id)
    former = done.former_organisation_id
    if former != merged.owner_organisation_id:
        work.notify(former, NotificationKind.CASE_HANDED_OVER, merged.reference)
    separation = CaseSeparation(merge_id=done.id, separated_at=work.now, staff_id=permit.actor.staff_id)
    ask_for_refresh(work, merged.id, permit.actor.organisation_id, merged.id)
    await work.flush()
    work.add(separation)
    await work.flush()


async def _copy(
    work: "UnitOfWork", permit: "Permit", survivor_id: UUID, merged: Case, former: UUID, keep: Collection[Compartment]
) -> None:
    """Seal what the survivor holds now under the merged case's own keys, as far as both grants let it be opened.

    Raises:
        ConsentMissing: it goes to another organisation, and the person has not agreed to that.
    """
    survivor = await work.get(Case, survivor_id)
    if former != survivor.owner_organisation_id:
        recipient = await work.get(Organisation, former)
        consents = (await record_of(work.session, survivor)).consents
        if covering(consents, Purpose.SUPPORT, recipient, keep, work.now) is None:
            raise ConsentMissing(missing=[Purpose.SUPPORT])
    source, target = await person_of(work, survivor), await person_of(work, merged)
    goal = Place(merged.id, target.id, KIND)
    ground = await to_open(work, permit, survivor.id)
    for compartment, print_ in (await work.hand_on(ground, Place(survivor.id, source.id, KIND), goal, keep)).items():
        audit_seal(work, permit, goal, compartment, print_)
