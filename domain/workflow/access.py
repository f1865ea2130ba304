"""Emergency access, budgets and decisions of two, as a country sets them: data, each with its reason."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from domain.codes import BudgetKind, Compartment, Language, NrmRole, Role
from domain.workflow.conditions import Closed
from domain.workflow.sop import Labels, Source, Translation

Few = Annotated[int, Field(gt=0, le=100_000)]


class Independent(Closed):
    """Who is told of every emergency access and reviews it.

    Attributes:
        nrm_role: What the organisation is in the mechanism.
    """

    nrm_role: NrmRole
    because: Labels


class BreakGlassRules(Closed):
    """Who may open what in an emergency, for how long, and by when it is reviewed.

    Attributes:
        roles: The compartments that a role may open; a role that stands nowhere may open none.
    """

    minutes: int = Field(gt=0, le=24 * 60)
    review_within_hours: int = Field(gt=0, le=30 * 24)
    roles: dict[Role, tuple[Compartment, ...]]
    because: Labels

    @property
    def open_for(self) -> timedelta:
        """How long the compartment stays open."""
        return timedelta(minutes=self.minutes)

    @property
    def review_within(self) -> timedelta:
        """How long the independent body has."""
        return timedelta(hours=self.review_within_hours)


class ApprovalRules(Closed):
    """For how long an act of two may be agreed to and done."""

    hours: int = Field(gt=0, le=30 * 24)
    because: Labels

    @property
    def open_for(self) -> timedelta:
        """From the request until it expires."""
        return timedelta(hours=self.hours)


class BudgetRule(Closed):
    """How much of one kind a member of staff, and an organisation together, may use in a window."""

    hours: int = Field(gt=0, le=30 * 24)
    staff: Few
    organisation: Few
    because: Labels

    @property
    def window(self) -> timedelta:
        """Over which time it is counted."""
        return timedelta(hours=self.hours)


class AccessRules(Closed):
    """What a country says of access beside grants and consent."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    translations: dict[Language, Translation]
    source: Source
    independent: Independent
    break_glass: BreakGlassRules
    approvals: ApprovalRules
    budgets: dict[BudgetKind, BudgetRule]

    def times(self, factor: int) -> "AccessRules":
        """Return the same rules with so much greater budgets: for measuring, and for tests of something else."""
        wider = {
            kind: one.model_copy(update={"staff": one.staff * factor, "organisation": one.organisation * factor})
            for kind, one in self.budgets.items()
        }
        return self.model_copy(update={"budgets": wider})

    @model_validator(mode="after")
    def _nothing_is_left_out(self) -> "AccessRules":
        if missing := sorted(set(BudgetKind) - set(self.budgets)):
            raise ValueError(f"no budget for {', '.join(missing)}")
        return self
