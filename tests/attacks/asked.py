"""A request for every route, such that the answer depends on nothing but access.

Bodies are valid. Changes name a version that is stale, so that what is allowed is tried and changes nothing.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from domain.codes import Role
from tests.attacks.relations import CASE, CONSENT, CONTACT, REFERRAL, REPORTING, Things

STALE = 987_654_321
TRIED = frozenset({409, 412})
"""Statuses that say: you may, but not now."""

OK, FORBIDDEN, MISSING, CLOSED = "ok", "403", "404", "409"


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    body: Any = None
    version: int | None = None
