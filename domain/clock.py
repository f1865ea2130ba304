"""Time is the database's: one clock for every replica, injected everywhere."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """The database's clock, optionally shifted so that a test or a rehearsal can live on another day.

    Attributes:
        shift: Added to the database's `now()`; zero in production, where settings refuse anything else.
    """

    shift: timedelta = timedelta(0)

    def present(self) -> datetime:
        """Return the machine's present, for the lifetime of tokens alone.

        A token is judged before any database is asked, so that strangers cannot keep the database busy. Nothing that
        is recorded or decided reads this clock.
        """
        return datetime.now(UTC) + self.shift  # noqa: TID251  # the one place where the machine's clock is read
