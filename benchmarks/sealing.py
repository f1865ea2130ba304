"""What sealing costs: a case is opened and read by the service, and by the same service without cryptography."""

import json
from collections.abc import Awaitable, Callable
from itertools import count

from benchmarks.country import CASE, SENDER, Country, Line
from benchmarks.measuring import Result, alternating, result

BARE = {name: value for name, value in CASE.items() if name != "compartments"}


async def sealing(country: Country, rounds: int, times: int) -> list[Result]:
    """W1 and a reading, each over the same without cryptography; and W1 over a case of which nothing is sealed."""
    numbers = count()
    token = {"Authorization": f"Bearer {country.tokens[SENDER]}"}

    def opening(lines: list[Line], case: object) -> Callable[[int], Awaitable[object]]:
        body = json.dumps(case).encode()

        async def opened(client: int) -> object:
            key = {"Idempotency-Key": f"bench-sealing-{next(numbers)}"}
            return await lines[client].ask("POST", "/cases", {**token, **key}, body)

        return opened

    async def reading(lines: list[Line]) -> Callable[[int], Awaitable[object]]:
        sent = {**token, "Idempotency-Key": f"bench-sealing-{next(numbers)}"}
        case = await lines[0].ask("POST", "/cases", sent, json.dumps(CASE).encode())
        path = f"/cases/{case['reference']}/person/identity"

        async def read(client: int) -> object:
            return await lines[client].ask("GET", path, token, b"")

        return read

    sealed, unsealed = country.services, country.unsealed
    same = (times, times)
    opened = await alternating(opening(sealed, CASE), opening(unsealed, CASE), rounds, same)
    read = await alternating(await reading(sealed), await reading(unsealed), rounds, same)
    nothing = await alternating(opening(sealed, CASE), opening(sealed, BARE), rounds, same)
    return [
        result("W1 over unsealed", "case opened, over the same without cryptography", opened, None),
        result("W1 reading over unsealed", "compartment read, over the same without cryptography", read, None),
        result("W1 over nothing to seal", "case opened, over one of which nothing is sealed", nothing, None),
    ]
