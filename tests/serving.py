"""A real server on a loopback port, for clients that are programs of their own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from tests.world import World


class Server(uvicorn.Server):
    """A server that tells when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        self.answers.set()


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[str]:
    """Serve a world over real HTTP, and yield its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio leaves it to sockets that it opens itself
    server = Server(uvicorn.Config(world.app, lifespan="off", log_config=None, server_header=False))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    await server.answers.wait()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await task
