"""`nrm audit keep`: the other end of a second sink that is a socket, to be run on another host than the database's."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from api.second_sink import AGREED, FileSink
from domain.audit.sink import read_opening

LONGEST_BATCH: Final = 16 << 20
"""Bytes that are taken at once."""


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the action."""
    keep = actions.add_parser("keep", help="keep what is opened in a file, for the service on another host")
    keep.add_argument("--listen", type=Path, required=True, help="a Unix socket, made anew; forward it to that host")
    keep.add_argument("--output", type=Path, required=True, help="the file; it only grows")
    keep.set_defaults(run=run_keep)


def run_keep(arguments: argparse.Namespace) -> int:
    """Keep until stopped; returns the exit code."""
    arguments.listen.unlink(missing_ok=True)
    os.umask(0o177)  # the socket too is for its owner alone
    return asyncio.run(_kept(arguments.listen, FileSink(arguments.output)))


async def _kept(listen: Path, sink: FileSink) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with serving(listen, sink):
        print(f"{sink.path}: keeping what comes through {listen}", file=sys.stderr, flush=True)
        await stop.wait()
    return 0


@contextlib.asynccontextmanager
async def serving(listen: Path, sink: FileSink) -> AsyncIterator[asyncio.Server]:
    """Keep what comes through a socket, for as long as the context lasts."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            content = await reader.read(LONGEST_BATCH)
            while not reader.at_eof() and len(content) < LONGEST_BATCH:
                content += await reader.read(LONGEST_BATCH)
            found = [read_opening(line) for line in content.splitlines(keepends=True)]
            known = [one[1] for one in found if one is not None]
            if known and len(known) == len(found):
                await sink.keep(known)
                writer.write(AGREED)
                await writer.drain()
        except OSError:
            pass  # no agreement is answer enough: whoever asked answers nobody
        finally:
            writer.close()

    server = await asyncio.start_unix_server(take, str(listen))
    try:
        yield server
    finally:
        server.close()
        await server.wait_closed()
