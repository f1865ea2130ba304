"""The command line against a real server of its own: prepared, filled, served, audited, and stopped cleanly."""

import asyncio
import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest

from api.cli import build_parser
from api.postgres import Server
from api.settings import DatabaseRole
from tests.api.agreeing import PATIENCE, PROGRAM, act_refused, agree, free_port, wait_for
from tests.imports.forms import FICTIONAL
from tests.receiver import receiving, verified

ROOT = Path(__file__).parents[2]
COMMANDS = [
    ["migrate"],
    ["serve"],
    ["worker"],
    ["token", "subject", "ORGANISATION", "coordinator"],
    ["directory", "load", "file.yaml"],
    ["directory", "close", "ORGANISATION", "--at", "2027-01-31T18:00+06:00", "--successor", "OTHER"],
    ["directory", "merge", "ORGANISATION", "OTHER"],
    ["directory", "suspend", "ORGANISATION"],
    ["directory", "reinstate", "ORGANISATION"],
    ["figures", "enter", "file.json", "--source", "report", "--as", "subject", "ORGANISATION", "coordinator"],
    ["indicators", "report", "--period", "2026", "--output", "file", "--as", "subject", "ORGANISATION", "coordinator"],
    ["import", "uk-form", "file.json", "--as", "subject", "ORGANISATION", "ngo_caseworker"],
    ["import", "htcds", "file.csv", "--as", "subject", "ORGANISATION", "ngo_caseworker"],
    ["export", "htcds", "--as", "subject", "ORGANISATION", "ngo_caseworker", "--output", "file.csv"],
    ["sop", "check"],
    ["audit", "export", "--output", "file"],
    ["audit", "verify"],
    ["ledger", "export", "--output", "file"],
    ["ledger", "verify", "--input", "file"],
    ["ledger", "replay", "--input", "file", "--head", "0b7e", "--database", "nrm_restored"],
    ["erasures", "certificate", "--erasure", "7d444840-9dc0-41d1-b245-5ffdce74fad2"],
    ["erasures", "verify", "--certificate", "file", "--ledger", "file"],
    ["restore", "--input", "folder", "--ledger", "file"],
    ["keys", "status"],
    ["honey", "create", "file.json", "--as", "subject", "ORGANISATION", "ngo_caseworker"],
    ["openapi"],
    ["webhooks", "list"],
    ["webhooks", "dead", "7d444840-9dc0-41d1-b245-5ffdce74fad2"],
    ["webhooks", "replay", "7d444840-9dc0-41d1-b245-5ffdce74fad2"],
    ["webhooks", "pause", "7d444840-9dc0-41d1-b245-5ffdce74fad2"],
]


@dataclass(frozen=True)
class Installation:
    """A folder of its own with an embedded server that stays up for every command."""

    folder: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            "NRM_DATA_DIR": str(self.folder),
            "NRM_PORT": str(self.port),
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
        }

    def run(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - our own program
            [*PROGRAM, *words], env=self.given(more), capture_output=True, text=True, check=False, timeout=PATIENCE
        )

    def given(self, more: dict[str, str]) -> dict[str, str]:
        return self.environment | {f"NRM_{name.upper()}": value for name, value in more.items()}

    def agreed(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command; in an installation that has a case already, two agree to it where it must be agreed to."""
        done = self.run(*words)
        act = act_refused(done.stderr)
        if act is None:
            return done
        assert done.returncode == 1
        agree(self.environment, act)
        return self.run(*words)

    def start(self, *words: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(  # noqa: S603 - our own program
            [*PROGRAM, *words], env=self.given(more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="nrm-commands-"))
    folder.chmod(0o711)  # the server runs as another account when we are root
    port = free_port()
    server = Server(folder / "postgres").start()
    made = Installation(folder, port)
    migrated = made.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    loaded = made.run("directory", "load", str(FICTIONAL / "directory.yaml"))
    assert (loaded.returncode, loaded.stdout) == (0, "10 organisations, 13 memberships\n"), loaded.stderr
    yield made
    server.remove()
    shutil.rmtree(folder)


def token(installation: Installation) -> str:
    made = installation.run("token", "coordinator", "COORDINATION", "coordinator")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


async def connected(dsn: str, role: DatabaseRole) -> None:
    """Wait until somebody has logged in as the role."""
    connection = await asyncpg.connect(dsn)
    try:
        for _ in range(900):
            if await connection.fetchval("SELECT 1 FROM pg_stat_activity WHERE usename = $1", role):
                return
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
    pytest.fail(f"nobody logs in as {role}")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_known_to_the_parser(words: list[str]) -> None:
    assert callable(build_parser().parse_args(words).run)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["unknown"],
        ["token", "x", "Y", "king"],
        ["import", "uk-form", "file"],
        ["directory", "close", "X", "--at", "2027-01-31"],
    ],
)
def test_a_misused_command_line_is_2_and_says_how_it_is_used(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        build_parser().parse_args(words)
    assert refused.value.code == 2
    assert "usage: nrm" in capsys.readouterr().err


def test_a_misspelt_setting_is_2_and_one_line(installation: Installation) -> None:
    environment = installation.environment | {"NRM_DEBUGG": "secret-value"}
    wrong = subprocess.run(  # noqa: S603 - our own program
        [*PROGRAM, "serve"], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "no such setting: NRM_DEBUGG\n"


def test_an_organisation_is_suspended_reinstated_merged_and_closed_by_command(installation: Installation) -> None:
    def said(*words: str, code: int = 0) -> str:
        done = installation.agreed("directory", *words)
        assert done.returncode == code, done.stderr
        return done.stdout

    assert said("suspend", "SHELTER-SOUTH").startswith("SHELTER-SOUTH suspended, until 9999-")
    assert said("suspend", "SHELTER-SOUTH", code=1) == "refused: organisation not open\n"
    assert said("reinstate", "SHELTER-SOUTH").startswith("SHELTER-SOUTH active")
    later = "2099-01-31T18:00+06:00"
    assert said("close", "SHELTER-SOUTH", "--at", later) == "SHELTER-SOUTH active, until 2099-01-31 12:00 UTC\n"
    assert said("close", "SHELTER-SOUTH", "--at", "2020-01-31T18:00+06:00", code=1) == "refused: at has passed\n"
    assert said("merge", "SHELTER-SOUTH", "SHELTER-NORTH").startswith("SHELTER-SOUTH closed, until 2")
    assert said("close", "NOBODY", code=1) == "refused: organisation unknown\n"


def test_figures_are_entered_by_command_and_entering_them_twice_changes_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "years.json"
    row = {"country": "KG", "year": 2016, "calls": 12, "vot_referrals": None}
    file.write_text(json.dumps({"hotline_years": {"unit": "calls", "rows": [row]}}))
    entering = ["figures", "enter", str(file), "--as", "coordinator", "COORDINATION", "coordinator"]
    first = installation.run(*entering, "--source", "report")
    assert (first.returncode, first.stdout) == (0, "2 figures read, 2 entered, 0 stood already\n"), first.stderr
    again = installation.run(*entering, "--source", "report")
    assert again.stdout == "2 figures read, 0 entered, 2 stood already\n"
    assert installation.run(*entering).returncode == 2, "a table that does not name its source"
    table = tmp_path / "results.csv"
    reporting = ["indicators", "report", "--period", "2016", "--indicator", "hotline-calls", "--format", "csv"]
    written = installation.run(*reporting, "--output", str(table), *entering[3:])
    assert (written.returncode, written.stdout) == (0, f"1 results written to {table}\n"), written.stderr
    assert ",12," in table.read_text(encoding="utf-8-sig")
    untold = tmp_path / "untold.csv"
    failed = installation.run(*reporting, "--output", str(untold), *entering[3:], audit_sink="file:/dev/full")
    assert (failed.returncode, failed.stdout, untold.exists()) == (1, "", False)
    assert failed.stderr.startswith("nothing is told: the second sink")
    row["calls"] = "many"
    file.write_text(json.dumps({"hotline_years": {"unit": "calls", "rows": [row]}}))
    assert installation.run(*entering, "--source", "report").returncode == 2


def test_migrating_and_loading_twice_changes_nothing(installation: Installation) -> None:
    assert installation.run("migrate").returncode == 0
    again = installation.agreed("directory", "load", str(FICTIONAL / "directory.yaml"))
    assert (again.returncode, again.stdout) == (0, "10 organisations, 13 memberships\n")


def test_the_service_serves_and_stops_cleanly_when_told(installation: Installation) -> None:
    process = installation.start("serve")
    try:
        address = f"http://127.0.0.1:{installation.port}"
        assert wait_for(f"{address}/health/ready").json() == {"status": "ready"}
        funnel = httpx.get(
            f"{address}/v1/caseload/funnel",
            headers={"Authorization": f"Bearer {token(installation)}"},
            timeout=PATIENCE,
        )
        assert funnel.status_code == 200
        assert "server" not in funnel.headers
    finally:
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in output + errors
    assert '"route": "/caseload/funnel"' in output + errors
    assert "Bearer" not in output + errors


async def test_the_worker_works_and_stops_cleanly_when_told(installation: Installation) -> None:
    process = installation.start("worker")
    try:
        await connected(Server(installation.folder / "postgres").dsn(), DatabaseRole.WORKER)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in output + errors


async def test_api_and_worker_together_tell_a_webhook_of_an_event_and_are_watched(installation: Installation) -> None:
    ports = [str(free_port()), str(free_port())]
    kept = {"webhook_hosts": "127.0.0.1"}
    processes = [
        installation.start(command, metrics_port=port, **kept)
        for command, port in zip(("serve", "worker"), ports, strict=True)
    ]
    try:
        with receiving() as receiver:
            await asyncio.to_thread(wait_for, f"http://127.0.0.1:{installation.port}/health/ready")
            hook = await asyncio.to_thread(registered, installation, receiver.url)
            connection = await asyncpg.connect(Server(installation.folder / "postgres").dsn(database="nrm"))
            await connection.execute(
                "INSERT INTO notifications (id, organisation_id, kind, reference, created_at) "
                "SELECT gen_random_uuid(), id, 'referral_overdue', 'R-0000-0000-0000-0000', now() "
                "FROM organisations WHERE code = 'COORDINATION'"
            )
            await connection.close()
            for _ in range(900):
                if receiver.calls:
                    break
                await asyncio.sleep(0.1)
        (call,) = receiver.calls
        assert verified(hook["secret"], call.headers, call.body, float(call.headers["webhook-timestamp"]))
        listed = installation.run("webhooks", "list")
        assert f"{hook['id']}  COORDINATION  active" in listed.stdout, listed.stderr
        api, worker = [wait_for(f"http://127.0.0.1:{port}/metrics").text for port in ports]
        assert 'nrm_request_seconds_count{method="POST",route="/webhooks",status="2xx"} 1.0' in api
        assert "nrm_worker_heartbeat_timestamp_seconds" in worker
        assert wait_for(f"http://127.0.0.1:{ports[1]}/health/ready").text == "ready\n"
        assert wait_for(f"http://127.0.0.1:{ports[0]}/health/ready").status_code == 404
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        said = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert "Traceback" not in str(said)
    assert "whsec_" not in str(said)


def registered(installation: Installation, url: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token(installation)}", "Idempotency-Key": "register-webhook"}
    body = {"url": url, "kinds": ["referral_overdue"]}
    made = httpx.post(f"http://127.0.0.1:{installation.port}/v1/webhooks", headers=headers, json=body, timeout=PATIENCE)
    assert made.status_code == 201, made.text
    hook: dict[str, str] = made.json()
    return hook


def test_a_form_is_imported_once_and_the_audit_of_it_verifies(installation: Installation, tmp_path: Path) -> None:
    fields = json.loads((FICTIONAL / "uk-form.json").read_text(encoding="utf-8"))
    fields["ExternalId"] = "5b0f7c1e-9a39-4a52-8f0e-2c7f6f2f8d11"  # other tests import the one of the package
    form = tmp_path / "form.json"
    form.write_text(json.dumps(fields | {"PVFamily": "an invented sister"}), encoding="utf-8")
    actor = ("--as", "caseworker-alpha", "NGO-ALPHA", "ngo_caseworker")
    first = installation.run("import", "uk-form", str(form), *actor)
    assert first.returncode == 0, first.stderr
    said, *report, total = first.stdout.splitlines()
    reference = said.removeprefix("imported as ")
    assert sorted(line.split()[0] for line in report) == sorted(fields)
    assert total.startswith(f"{len(fields)} fields: ")
    assert fields["Customer.Surname"] not in first.stdout
    second = installation.run("import", "uk-form", str(form), *actor)
    assert (second.returncode, second.stdout) == (0, f"already imported as {reference}\n")
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(fields | {"PVFamily": "an invented brother"}), encoding="utf-8")
    other = installation.run("import", "uk-form", str(changed), *actor)
    assert other.returncode == 1
    assert reference in other.stderr
    export = tmp_path / "export.jsonl"
    written = installation.run("audit", "export", "--output", str(export))
    assert written.returncode == 0, written.stderr
    verified = installation.run("audit", "verify", "--export", str(export))
    assert verified.returncode == 0, verified.stderr
    assert "intact" in verified.stdout
    database = installation.run("audit", "verify")
    assert (database.returncode, database.stdout.splitlines()[1]) == (0, verified.stdout.splitlines()[1])


@pytest.mark.parametrize(
    ("file", "actor", "code"),
    [
        ("absent.json", ("caseworker-alpha", "NGO-ALPHA", "ngo_caseworker"), 2),
        ("directory.yaml", ("caseworker-alpha", "NGO-ALPHA", "ngo_caseworker"), 2),
        ("uk-form.json", ("caseworker-alpha", "NGO-ALPHA", "king"), 2),
        ("uk-form.json", ("caseworker-alpha", "NGO-BETA", "ngo_caseworker"), 1),
        ("uk-form.json", ("monitoring-officer", "MONITORING", "monitoring_staff"), 1),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line(
    file: str, actor: tuple[str, str, str], code: int, installation: Installation
) -> None:
    refused = installation.run("import", "uk-form", str(FICTIONAL / file), "--as", *actor)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert len(refused.stderr.splitlines()) == 1


ERASE_ONE = """
    INSERT INTO deadlines (id, case_id, subject_id, organisation_id, kind, rule, anchored_at, due_at)
    SELECT gen_random_uuid(), id, id, owner_organisation_id, 'erasure', 'request', now(), now() FROM cases LIMIT 1
"""
MARK = "INSERT INTO restorations (id, taken_at, restored_at, entries) VALUES (gen_random_uuid(), now(), now(), 0)"


async def test_the_drill_of_erasing_and_restoring_is_done_by_command(
    installation: Installation, tmp_path: Path
) -> None:
    def said(*words: str, code: int = 0) -> str:
        done = installation.run(*words)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    actor = ("--as", "caseworker-alpha", "NGO-ALPHA", "ngo_caseworker")
    said("import", "uk-form", str(FICTIONAL / "uk-form.json"), *actor)
    folder, ledger, certificate = (str(tmp_path / name) for name in ("backup", "ledger", "certificate"))
    said("backup", "--output", folder)
    connection = await asyncpg.connect(Server(installation.folder / "postgres").dsn(database="nrm"))
    try:
        await connection.execute(ERASE_ONE)
        worker = installation.start("worker")
        for _ in range(900):
            erasure = await connection.fetchval("SELECT id::text FROM erasures")
            if erasure is not None:
                break
            await asyncio.sleep(0.1)
        worker.send_signal(signal.SIGTERM)
        output = worker.communicate(timeout=PATIENCE)
        assert erasure is not None, output
        head = said("ledger", "export", "--output", ledger).split()[-1]
        (tmp_path / "certificate").write_text(said("erasures", "certificate", "--erasure", str(erasure)))
        assert "confirmed by" in said("erasures", "verify", "--certificate", certificate, "--ledger", ledger)
        restoring = ("restore", "--input", folder, "--database", "nrm_drill", "--ledger", ledger)
        refused = said(*restoring, code=1)
        act = act_refused(refused)
        assert act is not None, refused
        await asyncio.to_thread(agree, installation.environment, act)
        told = said(*restoring)
        assert "1 erasures" in told
        assert head in told
    finally:
        await connection.close()


async def test_what_was_restored_is_not_served_before_its_ledger_is_replayed(installation: Installation) -> None:
    connection = await asyncpg.connect(Server(installation.folder / "postgres").dsn(database="nrm"))
    try:
        await connection.execute(MARK)
        refused = installation.run("serve")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "nrm ledger replay" in refused.stderr
    finally:
        await connection.execute("DELETE FROM restorations")
        await connection.close()
