"""Many requests at a time."""

import asyncio
from typing import Any


async def gathered(work: list[Any], at_once: int = 6) -> list[Any]:
    """Await many coroutines, a few at once; the results in order."""
    gate = asyncio.Semaphore(at_once)

    async def one(task: Any) -> Any:
        async with gate:
            return await task

    return list(await asyncio.gather(*map(one, work)))
