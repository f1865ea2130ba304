"""Conflict walls as conditions on what is asked for: what stands behind one does not exist for the actor."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, exists, false, func, select
from sqlmodel import SQLModel, col

from auth.policies import BROKE_IT
from domain.break_glass.models import BreakGlass
from domain.capacity.models import CapacityAsking, CapacityQuestion
from domain.cases.models import CaseWall
from domain.contacts.models import Contact, ContactCase
from domain.escalations.models import Escalation
from domain.funding.models import Award, AwardCase
from domain.permits import Actor


def walled(case_id: Any, actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition that a conflict wall hides the case from the actor."""
    return exists().where(
        col(CaseWall.case_id) == case_id,
        (col(CaseWall.organisation_id) == actor.organisation_id) | (col(CaseWall.staff_id) == actor.staff_id),
    )


def opened_walled(contact_id: Any, actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition that a contact opened a case which a conflict wall hides: it would tell of the case."""
    return exists().where(col(ContactCase.contact_id) == contact_id, walled(col(ContactCase.case_id), actor))


def asked_for_walled(award_id: Any, actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition that an award was asked for a walled case.

    Who decides must not learn of which case an award is, and so sees no link: to them row-level security is the wall.
    """
    return exists().where(col(AwardCase.award_id) == award_id, walled(col(AwardCase.case_id), actor))


def asked_walled(question_id: Any, actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition that a capacity question was asked for a case which a conflict wall hides.

    Whoever was asked may not read for which case: for them the second wall answers this.
    """
    of_question = col(CapacityAsking.question_id) == question_id
    return exists().where(of_question, walled(col(CapacityAsking.case_id), actor))


def named_walled(name: Any) -> ColumnElement[bool]:
    """Return the SQL condition that a reference, or an id as text, names what a conflict wall hides from the actor."""
    return cast(name, Text).in_(select(func.nrm_walled_references()))


def broken_walled(actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition that an emergency access is to a walled case, for everybody but who asked for it.

    Who broke the glass is told the same whether there is such a case or not, and whatever stands before it.
    """
    mine: ColumnElement[bool] = BROKE_IT.holds(BreakGlass, actor)
    return named_walled(BreakGlass.id) & ~mine


HIDDEN: Mapping[type[SQLModel], Callable[[Actor], ColumnElement[bool]]] = {
    Contact: lambda actor: opened_walled(Contact.id, actor),
    Award: lambda actor: asked_for_walled(Award.id, actor),
    CapacityQuestion: lambda actor: asked_walled(CapacityQuestion.id, actor),
    Escalation: lambda _: named_walled(Escalation.reference),
    BreakGlass: broken_walled,
}
"""What walls hide of records that name no case themselves, or not to everybody."""


def hidden(model: type[SQLModel], case_id: Any, actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition that a conflict wall hides a record of this kind from the actor.

    Args:
        model: What is asked for.
        case_id: Its column that names the case; None if it has none, and then only HIDDEN can hide it.
        actor: Who asks.
    """
    if model in HIDDEN:
        return HIDDEN[model](actor)
    return false() if case_id is None else walled(case_id, actor)
