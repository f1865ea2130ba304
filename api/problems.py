"""Errors as RFC 9457 problems: a stable code, a title in the reader's language, and details that echo nothing typed."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import structlog
import yaml
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException

from api.database import is_unavailable
from api.language import language_of
from api.schemas.base import In
from domain.codes import Compartment, Language
from domain.errors import DomainError

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:nrm:problem:"
FILE = Path(__file__).with_name("problems.yaml")
RETRY_AFTER_SECONDS = 2
RETRY_AFTER = {"unavailable": RETRY_AFTER_SECONDS, "sealed": 30, "key-not-held": 30}
"""Seconds after which a caller may come back; custodians take longer than a database."""

log = structlog.get_logger()


class PreconditionRequired(DomainError):
    """A change needs `If-Match` with the version that was read."""

    code = "precondition-required"


class InvalidRequest(DomainError):
    """The request is not well-formed; says where, never what was sent."""

    code = "invalid-request"


class UnsupportedMediaType(DomainError):
    """A body is JSON and says so."""

    code = "unsupported-media-type"


class Unavailable(DomainError):
    """The database, or a free connection to it, is not there for the moment."""

    code = "unavailable"


class Fault(BaseModel):
    """One place of a request that is not well-formed."""

    at: str = Field(max_length=200)
    fault: str = Field(max_length=80)


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(max_length=80, examples=["urn:nrm:problem:not-found"])
    title: str = Field(max_length=200)
    status: int = Field(ge=400, le=599)
    code: str = Field(max_length=60)
    faults: list[Fault] | None = Field(default=None, max_length=50)


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """Return the known problems: code → status and titles."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return cast("Mapping[str, Mapping[str, Any]]", content["problems"])


def status_of(error: type[DomainError]) -> int:
    """Return the HTTP status of an error class."""
    return int(catalogue()[error.code]["status"])


def problems(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may refuse with these errors."""
    found: dict[int | str, dict[str, Any]] = {}
    for status, response in described(error.code for error in errors).items():
        found[int(status)] = response
    return found


def described(codes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the responses of an operation that may refuse with these codes, by status."""
    documented: dict[str, dict[str, Any]] = {}
    for code in sorted(set(codes)):
        entry = catalogue()[code]
        known = documented.get(str(entry["status"]))
        text = f"`{code}`: {entry['title']['en']}"
        documented[str(entry["status"])] = {
            "description": f"{known['description']}; {text}" if known else text,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            "x-problems": [*(known["x-problems"] if known else ()), code],
        }
    return documented


def answer(
    code: str, language: Language, details: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the problem with this code."""
    entry = catalogue()[code]
    body = {**(details or {}), "type": TYPE + code, "title": entry["title"][language]}
    body |= {"status": entry["status"], "code": code}
    return JSONResponse(
        body,
        status_code=entry["status"],
        media_type=MEDIA_TYPE,
        headers={"Content-Language": str(language), **(headers or {})},
    )


async def on_domain_error(request: Request, error: Exception) -> JSONResponse:
    """Answer a refusal of the domain."""
    refusal = cast("DomainError", error)
    headers = {"WWW-Authenticate": "Bearer"} if refusal.code == "token-refused" else {}
    if refusal.code in RETRY_AFTER:
        headers["Retry-After"] = str(RETRY_AFTER[refusal.code])
    if refusal.code == "budget-exceeded":
        headers["Retry-After"] = str(refusal.details["retry_after"])
    return answer(refusal.code, language_of(request), refusal.details, headers)


async def on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """Answer a malformed request: where and what kind of fault; the input is never repeated."""
    invalid = cast("RequestValidationError", error)
    told = [(_place(fault["loc"])[:200], str(fault["type"])[:80]) for fault in invalid.errors()[:50]]
    faults = [{"at": at, "fault": fault} for at, fault in dict.fromkeys(told)]
    return answer("invalid-request", language_of(request), {"faults": faults})


def _place(parts: Sequence[object]) -> str:
    """Return where a fault is. Names in a body that are not ours were typed by the caller and are not repeated."""
    source, *rest = parts
    shown = rest if source != "body" else [part if isinstance(part, int) or part in _ours() else "…" for part in rest]
    return "/".join(str(part) for part in (source, *shown))


@cache
def _ours() -> frozenset[str]:
    """Return every field name of what may come in, and the compartments."""
    models, names = [In], {str(compartment) for compartment in Compartment}
    while models:
        model = models.pop()
        names.update(model.model_fields, {model.__name__})
        names.update(field.alias for field in model.model_fields.values() if field.alias)
        models += model.__subclasses__()
    return frozenset(names)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses: unknown paths and methods."""
    status = cast("HTTPException", error).status_code
    code = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large", 415: "unsupported-media-type"}.get(
        status
    )
    return answer(code or "invalid-request", language_of(request))


async def on_failure(request: Request, error: Exception) -> JSONResponse:
    """Answer a failure: the database is away (503), two wrote the same at once (409), or a fault of ours (500)."""
    language = language_of(request)
    if is_unavailable(error):
        return answer("unavailable", language, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    if isinstance(error, IntegrityError):
        return answer("state-conflict", language, {"current": "changed-meanwhile"})
    log.error("failure", kind=type(error).__name__, route=getattr(request.scope.get("route"), "path", None))
    return answer("internal", language)


def install(app: FastAPI) -> None:
    """Make the application answer every error as a problem."""
    app.add_exception_handler(DomainError, on_domain_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)
