"""Exact figures are told to nobody without an entry that says who read which ones; it never says a figure."""

from collections.abc import Sequence
from typing import Final, Literal

from domain.audit.actions import AuditAction
from domain.audit.chain import Detail
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork

Figures = Literal["callbacks", "caseload", "dashboard", "funnel", "results"]
"""What can be read exactly: of one's own organisation, of the mechanism, or of indicators."""

NAMED: Final = ("figures", "period", "indicators")
"""The details of an entry that say what was read."""


def record_reading(
    figures: Figures,
    permit: Permit,
    work: UnitOfWork,
    *,
    period: str | None = None,
    indicators: Sequence[str] = (),
) -> None:
    """Record that exact figures are about to be told: in the stream of who asks, since they are about no one case.

    A small number can name a person, so it must be known afterwards who knew which, and when. As with everything that
    is shown, nothing is answered before the entry is committed and the second sink has it.

    Args:
        figures: What is told.
        permit: To read it.
        work: The transaction that tells it.
        period: Of results: the name of the period.
        indicators: Of results: the keys of the indicators.
    """
    which: dict[str, Detail] = {} if period is None else {"period": period, "indicators": list(indicators)}
    own = permit.actor.organisation_id
    work.audit(AuditAction.FIGURES_READ, permit, stream_id=own, subject_id=own, figures=figures, **which)
