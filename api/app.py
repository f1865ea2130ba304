"""The web application: put together here, decided elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import swagger_ui_bundle
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig

from api import matching
from api.contract import install_contract, operation_id
from api.middleware import Guard
from api.problems import install
from api.rate_limit import RateLimit
from api.readiness import readiness
from api.routes import (
    approvals,
    attachments,
    audit,
    break_glass,
    candidates,
    capacity,
    caseload,
    cases,
    classifications,
    contacts,
    courses,
    directory,
    disclosures,
    duplicates,
    erasures,
    escalations,
    exploitation,
    fhir,
    figures,
    funding,
    indicators,
    places,
    records,
    referrals,
    rehabilitation,
    releases,
    requests,
    walls,
    webhooks,
)
from api.runtime import Runtime
from api.schemas.base import HealthOut
from api.statistics.shelf import Shelf, Shelved
from api.uploads import Uploads
from domain.identifiers import Identifiers

DESCRIPTION = """Case referrals of a National Referral Mechanism for victims of trafficking in persons.

Every change needs an `Idempotency-Key`; a change of something that exists needs `If-Match`. Errors are RFC 9457
problems. What you may not know of is answered exactly like what does not exist."""

ASSETS = next((Path(swagger_ui_bundle.__file__).parent / "vendor").iterdir())

ROUTES = (
    contacts,
    cases,
    walls,
    records,
    attachments,
    exploitation,
    classifications,
    funding,
    courses,
    rehabilitation,
    capacity,
    referrals,
    places,
    fhir,
    break_glass,
    approvals,
    requests,
    erasures,
    duplicates,
    escalations,
    figures,
    releases,
    candidates,
    caseload,
    indicators,
    directory,
    disclosures,
    webhooks,
    audit,
)
"""In the order in which the contract shows them."""

NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""Each named: what is left out is on by default, and an environment variable could send it away."""


def create_app(runtime: Runtime) -> FastAPI:
    """Put the application together.

    Telemetry is off: spans would carry paths, and paths carry references of cases. The pages of the documentation are
    served from this process, since a strict content policy allows no other place.
    """
    app = FastAPI(
        title="National Referral Mechanism: case referrals",
        contact={"name": "Whoever operates this installation"},
        version=version("nrm-referral"),
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lambda _: _running(runtime),
        telemetry=NO_TELEMETRY,
        max_body_size=None,  # the guard limits bodies: the framework would answer in plain text, without our headers
        generate_unique_id_function=operation_id,
    )
    app.state.runtime = runtime
    app.state.uploads = Uploads()
    app.state.shelf = Shelf()
    runtime.metrics.watch(runtime.database)
    install(app)
    for module in ROUTES:
        app.include_router(module.router, prefix="/v1")
    _add_pages(app, runtime)
    app.add_middleware(Shelved, shelf=app.state.shelf)
    app.add_middleware(
        RateLimit,
        per_caller=runtime.settings.requests_per_minute,
        per_address=runtime.settings.requests_per_minute_and_address,
    )
    app.add_middleware(
        Guard,
        body_limit=runtime.settings.body_limit,
        upload_limit=runtime.settings.upload_limit,
        ids=Identifiers(),
        metrics=runtime.metrics,
    )
    install_contract(app)
    return app


@asynccontextmanager
async def _running(runtime: Runtime) -> AsyncIterator[None]:
    """Search for duplicates beside the requests; at the end wipe what was compared, and close the connections."""
    searching = asyncio.create_task(matching.run(runtime))
    yield
    searching.cancel()
    with suppress(asyncio.CancelledError):
        await searching
    runtime.matching.wipe()
    await runtime.database.close()


def _add_pages(app: FastAPI, runtime: Runtime) -> None:
    app.mount("/documentation/assets", StaticFiles(directory=ASSETS), name="assets")

    @app.get("/documentation", include_in_schema=False)
    async def documentation() -> HTMLResponse:
        """Show the API to a person."""
        return HTMLResponse(DOCUMENTATION)

    @app.get("/documentation/start.js", include_in_schema=False)
    async def start() -> Response:
        """Start the page: a file, since the content policy allows no script inside a page."""
        return Response(START, media_type="text/javascript")

    @app.get("/health/live", tags=["health"])
    async def live() -> HealthOut:
        """Tell that the process answers."""
        return HealthOut(status="live")

    @app.get("/health/ready", tags=["health"], responses={503: {"model": HealthOut, "description": "Not yet"}})
    async def ready(response: Response) -> HealthOut:
        """Tell whether requests can be served now: database, its schema's version, and the key provider."""
        found = await readiness(runtime)
        if found != "ready":
            response.status_code = 503
        return HealthOut(status=found)


DOCUMENTATION = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>National Referral Mechanism: API</title>
<link rel="stylesheet" href="/documentation/assets/swagger-ui.css"></head>
<body><div id="api"></div>
<script src="/documentation/assets/swagger-ui-bundle.js"></script>
<script src="/documentation/start.js"></script></body></html>
"""
START = "SwaggerUIBundle({url: '/v1/openapi.json', dom_id: '#api', deepLinking: true, validatorUrl: null});\n"
