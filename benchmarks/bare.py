"""The least that could serve a release: a bare endpoint of the same framework in the same server, same bytes."""

import os
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI, Response

RELEASE: Final = "bare-release"
"""The file in the data folder whose bytes are served."""

ADDRESS: Final = "/v1/statistics/releases/{release_id}"


def serve() -> None:
    """Serve one file from memory: no header of ours, no limit, no log, no figures."""
    content = (Path(os.environ["NRM_DATA_DIR"]) / RELEASE).read_bytes()  # noqa: TID251 - no process of the service
    app = FastAPI(openapi_url=None)

    @app.get("/health/ready")
    async def ready() -> Response:
        return Response()

    @app.get(ADDRESS)
    async def release(release_id: str) -> Response:  # noqa: ARG001 - taken from the path, as ours is
        return Response(content, media_type="application/json")

    port = int(os.environ["NRM_PORT"])  # noqa: TID251
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_config=None, server_header=False)
