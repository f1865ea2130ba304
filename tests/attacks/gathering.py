"""Many requests at a time."""

import asyncio
from typing import Any


async def gathered(work: list[Any], at_once: int = 6) -> list[Any]:
    """Await many coroutines, a few at once; the results in order."""
    gate = asyncio.Semaphore(at_once)

    async def one(task: Any) -> Any:
        async with gate:
            return await task

    async with asyncio.TaskGroup() as group:  # one that fails takes the others with it: none outlives its database
        tasks = [group.create_task(one(task)) for task in work]
    return [task.result() for task in tasks]
