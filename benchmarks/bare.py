"""The least that could serve a release: a bare endpoint of the same framework in the same server, same bytes."""

from typing import Final

import uvicorn
from fastapi import FastAPI, Response

from api.settings import load_settings

RELEASE: Final = "bare-release"
"""The file in the data folder whose bytes are served."""

ADDRESS: Final = "/v1/statistics/releases/{release_id}"


def serve() -> None:
    """Serve one file from memory: no header of ours, no limit, no log, no figures."""
    settings = load_settings()
    content = (settings.data_dir / RELEASE).read_bytes()
    app = FastAPI(openapi_url=None)

    @app.get("/health/ready")
    async def ready() -> Response:
        return Response()

    @app.get(ADDRESS)
    async def release(release_id: str) -> Response:  # noqa: ARG001 - taken from the path, as ours is
        return Response(content, media_type="application/json")

    uvicorn.run(app, host=settings.host, port=settings.port, access_log=False, log_config=None, server_header=False)
