"""The web application: put together here, decided elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import swagger_ui_bundle
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from api.dependencies import BEARER
from api.middleware import Guard
from api.problems import InvalidRequest, Problem, install, problems
from api.routes import cases, contacts, directory, records, referrals
from api.runtime import Runtime
from domain.identifiers import Identifiers

DESCRIPTION = """Case referrals of a National Referral Mechanism for victims of trafficking in persons.

Every change needs an `Idempotency-Key`; a change of something that exists needs `If-Match`. Errors are RFC 9457
problems. What you may not know of is answered exactly like what does not exist."""

ASSETS = next((Path(swagger_ui_bundle.__file__).parent / "vendor").iterdir())


def create_app(runtime: Runtime) -> FastAPI:
    """Put the application together.

    Telemetry is off: spans would carry paths, and paths carry references of cases. The pages of the documentation are
    served from this process, since a strict content policy allows no other place.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await runtime.database.close()

    app = FastAPI(
        title="National Referral Mechanism: case referrals",
        version=version("nrm-referral"),
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry=None,
    )
    app.state.runtime = runtime
    install(app)
    for module in (contacts, cases, records, referrals, directory):
        app.include_router(module.router, prefix="/v1")
    _add_pages(app, runtime)
    app.add_middleware(Guard, body_limit=runtime.settings.body_limit, ids=Identifiers())
    _describe(app)
    return app


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
    async def live() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"])
    async def ready(response: Response) -> dict[str, str]:
        """Tell whether requests can be served now."""
        if await runtime.database.answers():
            return {"status": "ready"}
        response.status_code = 503
        return {"status": "waiting-for-database"}


DOCUMENTATION = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>National Referral Mechanism: API</title>
<link rel="stylesheet" href="/documentation/assets/swagger-ui.css"></head>
<body><div id="api"></div>
<script src="/documentation/assets/swagger-ui-bundle.js"></script>
<script src="/documentation/start.js"></script></body></html>
"""
START = "SwaggerUIBundle({url: '/v1/openapi.json', dom_id: '#api', deepLinking: true, validatorUrl: null});\n"


def _describe(app: FastAPI) -> None:
    """Complete the description of the API: problems instead of the framework's own errors, tokens, operation names."""
    for route in app.routes:
        if isinstance(route, APIRoute):
            route.operation_id = route.name
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            components = schema["components"]
            components["schemas"].pop("HTTPValidationError", None)
            components["schemas"].pop("ValidationError", None)
            definitions = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            components["schemas"] |= definitions.pop("$defs") | {"Problem": definitions}
            scheme = BEARER.model.model_dump(mode="json", by_alias=True, exclude_none=True)
            components["securitySchemes"] = {"accessToken": scheme}
            for path, operations in schema["paths"].items():
                for operation in operations.values():
                    _describe_operation(operation, secured=path.startswith("/v1/"))
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _describe_operation(operation: dict[str, Any], *, secured: bool) -> None:
    if secured:
        operation["security"] = [{"accessToken": []}]
    responses = operation["responses"]
    framework = responses.get("422", {}).get("content", {}).get("application/json", {})
    if "HTTPValidationError" in str(framework):
        responses["422"] = problems(InvalidRequest)[422]
