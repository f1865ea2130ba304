"""Duplicates: who recorded a person first is warned, answers, and may ask for a merge. Who asks is told nothing."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, Cursor, Limit, May, Reference, Work, opens
from api.pagination import cursor_of, position
from api.routes.cases import READ_PROBLEMS, WRITE_PROBLEMS
from api.runtime import Runtime
from api.schemas.duplicates import DuplicateAnswerIn, DuplicateOut, DuplicatePage, SeparationIn
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.cases.models import Case
from domain.duplicates import merging
from domain.duplicates.matching import as_search
from domain.duplicates.rules import answer, wants_merge
from domain.duplicates.warnings import Side, Warnings, sides, warning_id
from domain.errors import NotPermitted
from domain.unit_of_work import UnitOfWork

router = APIRouter(tags=["duplicates"], route_class=UnitOfWorkRoute)


async def _warnings(request: Request, work: UnitOfWork) -> Warnings:
    runtime: Runtime = request.app.state.runtime
    async with as_search(work):
        await runtime.matching.warnings.learn(work)
    return runtime.matching.warnings


@router.get("/duplicates", responses=READ_PROBLEMS)
async def list_duplicates(
    request: Request, may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50
) -> DuplicatePage:
    """List which of your cases may be about the same person as another one that was recorded later.

    Look here from time to time: nobody is notified, since a notification would show in a stolen database that two
    persons are one.
    """
    may.own(Permission.DUPLICATE_ANSWER)
    warnings = await _warnings(request, work)
    mine = select(Case).where(
        visible(Case, Permission.DUPLICATE_ANSWER, actor),
        col(Case.owner_organisation_id) == actor.organisation_id,
        col(Case.merged_into_id).is_(None),
    )
    behind = None if cursor is None else position(cursor)
    if behind is not None:
        mine = mine.where(col(Case.opened_at) <= behind[0])
    cases = {case.id: case for case in (await work.session.execute(mine)).scalars() if warnings.knows(case.id)}
    found = [one for one in await sides(work, warnings, cases) if merging.told(one, warnings)]
    places = {(cases[one.mine].opened_at, warning_id(one.mine, one.other, work.keys)): one for one in found}
    left = sorted((place for place in places if behind is None or place < behind), reverse=True)
    shown = left[:limit]
    return DuplicatePage(
        items=[_shown(places[place], cases[places[place].mine], warnings, work) for place in shown],
        next=cursor_of(*shown[-1]) if len(left) > limit else None,
    )


@router.post(
    "/cases/{reference}/duplicates/{warning_id}/answers",
    status_code=204,
    dependencies=[IDEMPOTENT],
    responses=WRITE_PROBLEMS,
)
async def create_duplicate_answer(
    reference: Reference, warning_id: UUID, body: DuplicateAnswerIn, request: Request, may: May, work: Work
) -> Response:
    """Say whether the other case is about the same person. Sealed: the database does not tell what was said."""
    _, permit = await may.case(reference, Permission.DUPLICATE_ANSWER)
    await merging.answer_warning(body.answer, warning_id, await _warnings(request, work), permit, work)
    return Response(status_code=204)


@router.post(
    "/cases/{reference}/duplicates/{warning_id}/merge",
    status_code=204,
    dependencies=[IDEMPOTENT],
    responses=WRITE_PROBLEMS,
)
async def merge_duplicates(reference: Reference, warning_id: UUID, request: Request, may: May, work: Work) -> Response:
    """Ask for two cases about one person to be merged; done at once where you lead both, or where the other side asked.

    The other side learns that you asked only if the person agreed that it may have their identity.
    """
    _, permit = await may.case(reference, Permission.DUPLICATE_ANSWER)
    await merging.merge(warning_id, await _warnings(request, work), permit, work)
    return Response(status_code=204)


@router.post("/cases/{reference}/separation", status_code=204, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def separate_cases(
    reference: Reference, body: SeparationIn, may: May, work: Work, actor: CurrentActor
) -> Response:
    """Undo the merge of this case into another: it is led again by who led it, as it was."""
    case, permit = await may.case(reference, Permission.DUPLICATE_ANSWER)
    if not set(body.keep) <= opens(work, actor, "owner").at(case.case_work):
        raise NotPermitted(rule="role")
    await merging.separate(body.keep, permit, work)
    return Response(status_code=204)


def _shown(side: Side, case: Case, warnings: Warnings, work: UnitOfWork) -> DuplicateOut:
    said = warnings.said_of(side.mine, side.other)
    pair = side.mine, side.other
    return DuplicateOut(
        id=warning_id(*pair, work.keys),
        case=case.reference,
        found_on=warnings.watched[side.mine][side.other] if side.keeps_watch else None,
        other_organisation=side.leader,
        other_case=side.reference,
        answer=answer(said, *pair),
        merge_wanted=wants_merge(said, *pair) or wants_merge(said, *pair[::-1]),
    )
