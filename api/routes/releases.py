"""Published releases, for everybody: no token, no parameter, the same bytes for every reader and for ever."""

import hashlib
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from api.problems import InvalidRequest, problems
from api.runtime import Runtime
from api.schemas.releases import ReleaseList, ReleaseOut
from api.settings import DatabaseRole
from api.statistics.formats import HTML, TABLES, WORKBOOK
from api.statistics.listing import listing
from api.statistics.page import policy_of
from api.statistics.shelf import DOCUMENT, JSON, Kept, Published, Shelf, fetch, list_all
from domain.codes import Language
from domain.errors import NotFound

FOR_EVER: Final = "public, max-age=31536000, immutable"
FOR_A_MINUTE: Final = "public, max-age=60"
PAGE_POLICY: Final = "{own}; frame-ancestors 'none'; sandbox allow-downloads"
"""A page of ours has one style in it and no script; its links lead to pages and files."""

PUBLISHED_PROBLEMS: Final = problems(NotFound)
OBJECT: Final = {"schema": {"type": "object", "maxProperties": 20, "additionalProperties": True}}
WORDS: Final = {"schema": {"type": "string", "maxLength": 33_554_432}}
PAGE: Final = {"schema": {"type": "string", "maxLength": 4_194_304}}
BYTES: Final = {"schema": {"type": "string", "format": "binary", "maxLength": 33_554_432}}
SHAPES: Final = {JSON: OBJECT, "text/csv": WORDS, "text/html": WORDS, "text/plain": WORDS, WORKBOOK: BYTES}
ReleaseId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", max_length=64, description="Its SHA-256.")]
TableName = Annotated[
    str, Path(pattern=r"^[a-z][a-z_]{0,39}[.][a-z][a-z0-9_]{0,39}$", max_length=80, examples=["victims.sex"])
]
FileName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}[.][a-z]{3,6}$", max_length=80, examples=["release.csv"])]


async def _no_query(request: Request) -> None:
    """Refuse any parameter alike: there are none, and one that is not heeded would seem to filter."""
    if request.scope["query_string"]:
        raise InvalidRequest(faults=[{"at": "query", "fault": "extra_forbidden"}])


router = APIRouter(tags=["statistics"], dependencies=[Depends(_no_query)])


@router.get("/statistics/releases", response_model=ReleaseList)
async def list_releases(request: Request) -> Response:
    """List every release of statistics with its files. There are no parameters: every reader gets the same."""
    content = ReleaseList(items=await _all(request)).model_dump_json().encode()
    return _answer(
        request, Published(content, JSON, hashlib.sha256(content).hexdigest(), "releases.json"), FOR_A_MINUTE
    )


@router.get(
    "/statistics/releases/pages/{language}.html",
    responses={200: {"content": {HTML: PAGE}}},
    response_class=Response,
)
async def read_list_of_releases(request: Request, language: Language) -> Response:
    """Read the same list as a page for people, the newest release first, with links to all that is published of it."""
    content = listing(await _all(request), language)
    return _answer(
        request, Published(content, HTML, hashlib.sha256(content).hexdigest(), f"{language}.html"), FOR_A_MINUTE
    )


@router.get(
    "/statistics/releases/{release_id}",
    responses=PUBLISHED_PROBLEMS | {200: {"content": {JSON: OBJECT}}},
    response_class=Response,
)
async def read_release(request: Request, release_id: ReleaseId) -> Response:
    """Read a release: the very bytes that are signed, and whose SHA-256 is its id."""
    return await _served(request, release_id, DOCUMENT)


@router.get(
    "/statistics/releases/{release_id}/tables/{name}",
    responses=PUBLISHED_PROBLEMS | {200: {"content": {JSON: OBJECT}}},
    response_class=Response,
)
async def read_table(request: Request, release_id: ReleaseId, name: TableName) -> Response:
    """Read one table of a release with its labels, as `population.table`."""
    return await _served(request, release_id, f"{TABLES}{name}")


@router.get(
    "/statistics/releases/{release_id}/files/{file}",
    responses=PUBLISHED_PROBLEMS | {200: {"content": SHAPES}},
    response_class=Response,
)
async def read_file_of_release(request: Request, release_id: ReleaseId, file: FileName) -> Response:
    """Read a release in one of the formats that the list names: CSV, workbook, DHIS2, page, signature."""
    return await _served(request, release_id, file)


async def _all(request: Request) -> list[ReleaseOut]:
    runtime: Runtime = request.app.state.runtime
    async with runtime.database.sessions(DatabaseRole.STATISTICS)() as session:
        return [ReleaseOut.model_validate(one) for one in await list_all(session)]


async def _served(request: Request, release_id: str, name: str) -> Response:
    """Return a file from the database, and put the answer on the shelf, from where it is served from now on."""
    runtime: Runtime = request.app.state.runtime
    async with runtime.database.sessions(DatabaseRole.STATISTICS)() as session:
        found = await fetch(session, release_id, name)
    if found is None:
        raise NotFound
    full = _in_full(found, FOR_EVER)
    shelf: Shelf = request.app.state.shelf
    kept = Kept(found.content, tuple(full.raw_headers), full.headers["ETag"].encode(), request.scope["route"])
    shelf.keep(request.scope["path"], kept)
    return _answer(request, found, FOR_EVER)


def _answer(request: Request, published: Published, cached: str) -> Response:
    etag = f'"{published.address}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": cached})
    return _in_full(published, cached)


def _in_full(published: Published, cached: str) -> Response:
    headers = {"ETag": f'"{published.address}"', "Cache-Control": cached}
    if published.media_type.startswith("text/html"):
        headers["Content-Security-Policy"] = PAGE_POLICY.format(own=policy_of(published.content))
    else:
        headers["Content-Disposition"] = f'inline; filename="{published.filename}"'
    return Response(published.content, media_type=published.media_type, headers=headers)
