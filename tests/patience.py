"""How long tests wait for a database that has other things to do."""

from api.database import Pool

PATIENCE = 60.0
"""Seconds: on a busy machine even a login takes longer than a client of the service should wait for an answer."""


def patient(size: int = 8) -> Pool:
    """Return a pool that answers 503 when the database is away, and not when the machine is slow."""
    return Pool(size=size, wait=PATIENCE, connect=PATIENCE)
