"""A client in TypeScript, generated from the contract, compiles strictly and reads the status of a referral."""

import shutil
from pathlib import Path

import pytest

from tests.api.described import FILE
from tests.clients.conftest import CLIENTS, Served, run
from tests.journeys.scenes import referred, supported

GENERATOR = "node_modules/openapi-typescript/bin/cli.js"
COMPILER = "node_modules/typescript/bin/tsc"


@pytest.fixture(scope="session")
async def client(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the compiled client."""
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "tsconfig.json", "read-status.ts"):
        shutil.copy(CLIENTS / name, folder)
    (folder / "node_modules").symlink_to(node_modules)
    code, printed = await run("node", GENERATOR, str(FILE), "--output", "contract.d.ts", folder=folder)
    assert code == 0, printed
    code, printed = await run("node", COMPILER, "--project", ".", folder=folder)
    assert code == 0, printed
    return folder


async def test_a_compiled_client_reads_where_a_referral_stands(client: Path, served: Served) -> None:
    case, _ = await supported(served.world)
    referral = await referred(served.world, case)
    arguments = ("read-status.js", served.address, served.token("focal"), referral)
    assert await run("node", *arguments, folder=client) == (0, f"{referral} sent\n")


async def test_a_compiled_client_gets_a_problem_as_it_is_documented(client: Path, served: Served) -> None:
    arguments = ("read-status.js", served.address, served.token("focal"), "R-0000-0000-0000-0000")
    assert await run("node", *arguments, folder=client) == (1, "404 not-found\n")


async def test_a_client_that_misreads_the_contract_does_not_compile(client: Path) -> None:
    source = (client / "read-status.ts").read_text(encoding="utf-8")
    wrong = client / "misread.ts"
    wrong.write_text(source.replace("data.status}", "data.victim_name}"), encoding="utf-8")
    try:
        code, printed = await run(
            "node",
            COMPILER,
            "--noEmit",
            "--strict",
            "--module",
            "NodeNext",
            "--types",
            "node",
            "misread.ts",
            folder=client,
        )
    finally:
        wrong.unlink()
    assert code != 0
    assert "victim_name" in printed
