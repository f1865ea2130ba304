"""What an endpoint may ask for."""

import re
from typing import Annotated, Literal

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.security import HTTPBearer

from api.language import language_of
from api.problems import InvalidRequest, PreconditionRequired
from auth.authorisation import Authorisation
from domain.codes import Language
from domain.identifiers import REFERENCE_PATTERN
from domain.permits import Actor
from domain.unit_of_work import UnitOfWork
from domain.workflow.confidentiality import NOTHING, Opening

BEARER = HTTPBearer(
    bearerFormat="JWT",
    scheme_name="accessToken",
    description="ES256 access token (at+jwt), checked as RFC8725 has it",
    auto_error=False,
)
"""Only documents the scheme: the unit of work has authenticated before any endpoint runs."""

STRONG_ETAG = re.compile(r'^"(\d{1,9})"$')


# A dependency that is no coroutine is run in a thread, and the way there and back takes longer than what it does.
async def _work(request: Request) -> UnitOfWork:
    work: UnitOfWork = request.state.work
    return work


async def _authorisation(request: Request) -> Authorisation:
    found: Authorisation = request.state.authorisation
    return found


async def _actor(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


async def _language(request: Request, response: Response) -> Language:
    language = language_of(request)
    response.headers["Content-Language"] = language
    return language


async def _version(
    if_match: Annotated[
        str | None, Header(max_length=12, description="The `ETag` of the version that was read.", examples=['"3"'])
    ] = None,
) -> int:
    if if_match is None:
        raise PreconditionRequired
    found = STRONG_ETAG.match(if_match)
    if found is None:
        raise InvalidRequest(faults=[{"at": "header/if-match", "fault": "strong_etag"}])
    return int(found[1])


async def _idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=8,
            max_length=80,
            pattern=r"^[A-Za-z0-9._:-]+$",
            description="Chosen by the client for this one request; a repeat gets the same bytes for 30 days.",
        ),
    ] = None,
) -> None:
    """Only documents and checks the header: `api/transaction.py` acts on it."""


Work = Annotated[UnitOfWork, Depends(_work)]
May = Annotated[Authorisation, Depends(_authorisation)]
CurrentActor = Annotated[Actor, Depends(_actor)]
Reader = Annotated[Language, Depends(_language)]
Version = Annotated[int, Depends(_version)]
IDEMPOTENT = Depends(_idempotency_key)
Reference = Annotated[
    str, Path(pattern=REFERENCE_PATTERN, max_length=24, description="A reference, as `C-7F3K-9QWD-2M4H-XE61`.")
]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=120, description="`next` of the page before.")]


def etag(response: Response, version: int) -> None:
    """Tell the version of what is shown, as a strong validator."""
    response.headers["ETag"] = f'"{version}"'


def opens(work: UnitOfWork, actor: Actor, relation: Literal["owner", "receiver"]) -> Opening:
    """Return the compartments that the country's profile lets this role open in a relation, by state; default deny."""
    if actor.country not in work.catalogue.profiles:
        return NOTHING
    return work.catalogue.confidentiality(actor.country).opens(actor.role, relation)
