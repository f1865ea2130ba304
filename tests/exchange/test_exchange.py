"""Cases go out with permits and audit, and come in through the same commands as over HTTP."""

import json
import random
import shutil
import stat
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api import directory
from api.cli import build_parser
from api.cli.acting import claims_for
from api.cli.exchanging import tell_import
from api.cli.exporting import tell_export
from api.exchange.giving_out import give_out
from api.exchange.htcds import Row
from api.exchange.placing import NO_CONSENT
from api.exchange.rows import Format, read, written
from api.exchange.standard import ROW_ID, WITHHELD
from api.exchange.taking_rows_in import Refused, take_rows_in
from api.imports.report import Fate
from api.imports.taking_in import TakenIn
from auth.tokens import TokenRefused
from domain.codes import Role
from domain.errors import NotPermitted
from tests.api.agreeing import act_refused, agree, free_port
from tests.api.prepared import CONSENT
from tests.architecture import tree
from tests.world import STAFF, World

SECRETS = {
    "prs_FirstName": "Zhibek-canary",
    "prs_SecondName": "Sadykova-canary",
    "prs_Birthdate": "1991-03-08",
    "prs_MobilePhone": "+996 700 424242",
    "prs_MailingStreet": "Canary street 17",
    "hte_Description": "what was told, canary",
    "vic_TypeOfExploitation": "ForcedLabour;SexualExploitation",
    "cco_CaseComment": "a comment, canary",
}
ROW = {
    ROW_ID: "sender-canary-1",
    "prs_Gender": "Feminine",
    "prs_Citizenship": "UZ;KG",
    "con_Consent": "true",
    **SECRETS,
}


def acting(world: World, who: str) -> Any:
    return claims_for(*STAFF[who], world.runtime)


async def taken(world: World, row: dict[str, str], who: str = "alpha") -> TakenIn:
    (one,) = await take_rows_in([row], acting(world, who), world.runtime)
    assert isinstance(one, TakenIn)
    return one


async def given(world: World, who: str = "alpha") -> list[Row]:
    return await give_out(acting(world, who), world.runtime)


async def opened(world: World, who: str, case: str) -> dict[str, Any]:
    held = (await world.get(who, f"/cases/{case}"))["person"]["compartments"]
    return {one: (await world.get(who, f"/cases/{case}/person/{one}"))["fields"] for one in held}


def case_of(chance: random.Random) -> dict[str, Any]:
    """Return a made-up case whose fields the standard has, as the API takes it."""
    name = f"Name{chance.randrange(10**6)}"
    years = {"18--20": 2007, "30--38": 1992, "9--17": 2012}
    band = chance.choice(sorted(years))
    return {
        "entry_channel": chance.choice(["hotline", "police", "self_report"]),
        "person": {
            "gender": chance.choice(["Feminine", "Masculine", "NonConforming"]),
            "age_band": band,
            "citizenships": chance.sample(["KG", "UZ", "KZ"], chance.randrange(1, 4)),
            "languages": chance.sample(["ky", "ru"], chance.randrange(1, 3)),
        },
        "compartments": {
            "identity": {"given_name": name, "family_name": "Асанова; =1", "birth_date": f"{years[band]}-01-02"},
            "contact": {"email": f"{name}@example.test", "phone": "+996 555 010101"},
            "location": {"address": f"{name} street\nflat 2", "place": "Ош", "district": "Ош облусу"},
            "narrative": {"account": f"told by {name}, 'quoted'\r\nand more"},
        },
    }


@pytest.mark.parametrize("form", list(Format))
async def test_cases_go_from_one_organisation_to_another_without_loss(world: World, form: Format) -> None:
    chance = random.Random(20)  # noqa: S311 - made-up cases, the same in each run
    cases = {(await world.post("alpha", "/cases", body := case_of(chance)))["reference"]: body for _ in range(12)}
    rows = await given(world)
    assert [row.values[ROW_ID] for row in rows] == list(cases)
    came = await take_rows_in(
        read(written([row.values for row in rows], form), form), acting(world, "beta"), world.runtime
    )
    for one, body in zip(came, cases.values(), strict=True):
        assert isinstance(one, TakenIn)
        case = await world.get("beta", f"/cases/{one.reference}")
        assert case["entry_channel"] == body["entry_channel"]
        assert {name: case["person"][name] for name in body["person"]} == body["person"]
        assert await opened(world, "beta", one.reference) == body["compartments"]
        assert await world.get("beta", f"/cases/{one.reference}/consents") == []


async def test_each_case_that_goes_out_is_in_the_audit_once(world: World, admin: asyncpg.Connection) -> None:
    for number in range(3):
        await taken(world, ROW | {ROW_ID: f"audit-{number}"})
    counted = "SELECT action, count(*) FROM audit_entries GROUP BY action"
    before = dict(await admin.fetch(counted))
    assert len(await given(world)) == 3
    after = dict(await admin.fetch(counted))
    assert {name: number - before.get(name, 0) for name, number in after.items() if number != before.get(name)} == {
        "case.read": 3,
        "compartment.revealed": 3,
    }


async def test_nothing_of_a_row_stands_in_the_open(
    world: World, admin: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_import([await taken(world, ROW)])
    tell_export(await given(world), Path("cases.csv"))
    told = capsys.readouterr().out
    assert "placed" in told
    tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    dump = "".join(
        [str(row) for (table,) in tables for row in await admin.fetch(f'SELECT t::text FROM "{table}" t')]  # noqa: S608
    )
    assert "case.opened" in dump
    for secret in (*SECRETS.values(), ROW[ROW_ID], "canary"):
        assert secret not in told, secret
        assert secret not in dump, secret
        assert secret.encode().hex() not in dump, secret


async def test_the_checkbox_of_an_adult_is_a_consent_for_the_importing_organisation_alone(world: World) -> None:
    case = (await taken(world, ROW)).reference
    (consent,) = await world.get("alpha", f"/cases/{case}/consents")
    assert (consent["decision"], consent["recipients"]) == ("given", ["organisation:NGO-ALPHA"])
    assert consent["purposes"] == ["identification"]
    (row,) = await given(world)
    assert row.values["con_Consent"] is True
    assert row.values["vic_TypeOfExploitation"] == ["ForcedLabour", "SexualExploitation"]
    assert row.values["cco_CaseComment"] == SECRETS["cco_CaseComment"]


async def test_without_consent_no_name_is_stored_and_no_consent_is_made_up(world: World) -> None:
    one = await taken(world, ROW | {"con_Consent": "FALSE"})
    case = await world.get("alpha", f"/cases/{one.reference}")
    assert case["person"]["compartments"] == []
    assert case["person"]["gender"] == "Feminine"
    assert await world.get("alpha", f"/cases/{one.reference}/consents") == []
    assert {line.field for line in one.lines if line.where == NO_CONSENT} == set(SECRETS)


async def test_a_row_twice_is_one_case_and_another_under_its_id_is_refused_alone(world: World) -> None:
    changed = ROW | {"prs_FirstName": "another"}
    rows = [ROW, ROW, changed, ROW | {ROW_ID: "sender-2"}]
    first, second, third, fourth = await take_rows_in(rows, acting(world, "alpha"), world.runtime)
    assert isinstance(first, TakenIn)
    assert isinstance(second, TakenIn)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.reference == second.reference
    assert isinstance(third, Refused)
    assert third.code == "idempotency-key-reused"
    assert isinstance(fourth, TakenIn)
    assert fourth.is_new
    assert len(await given(world)) == 2


@pytest.mark.parametrize("who", ["monitor", "coordinator", "focal", "north"])
async def test_roles_that_open_nothing_neither_export_nor_import_and_the_refusal_is_recorded(
    world: World, admin: asyncpg.Connection, who: str
) -> None:
    await taken(world, ROW)
    with pytest.raises(NotPermitted):
        await given(world, who)
    with pytest.raises(NotPermitted):
        await take_rows_in([ROW], acting(world, who), world.runtime)
    rows = await admin.fetch(
        "SELECT details->>'command' AS command, rule, subject_id = organisation_id AS own FROM audit_entries "
        "WHERE action = 'access.denied' ORDER BY sequence"
    )
    assert [tuple(row) for row in rows] == [(f"{one} htcds", "not-permitted", True) for one in ("export", "import")]


async def identified(world: World, row: dict[str, str]) -> str:
    """Take a row in, and let an NGO identify the person, who agrees to support; returns the case."""
    case = (await taken(world, row)).reference
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    await world.post("alpha", f"/cases/{case}/consents", CONSENT)
    await world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    decision = {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1"}
    await world.post("alpha", f"/cases/{case}/decisions", decision)
    return case


async def test_referrals_go_out_from_who_leads_the_case_and_never_from_who_only_received_one(world: World) -> None:
    world = world.night()
    case = await identified(world, ROW)
    body = {"step": "refer-for-psychosocial", "service": "psychosocial", "recipient": "NGO-BETA"}
    steps = (await world.get("alpha", f"/cases/{case}/next-steps"))["open"]
    body["step"] = next(one["step"] for one in steps if "psychosocial" in json.dumps(one) and "refer" in one["step"])
    referral = (await world.post("alpha", f"/cases/{case}/referrals", body))["reference"]
    for act in ("receipt", "acceptance", "service-start"):
        await world.act("beta", referral, act)
    assert await given(world, "beta") == []
    (row,) = await given(world)
    assert row.values["cas_ReferredOrganisation"] == ["NGO-BETA"]
    assert row.values["cas_ReasonForOutgoingReferral"] == ["AdditionalServicesRequired"]
    assert row.values["cas_OutgoingReferralDetails"] == "psychosocial in_service"
    assert row.values["cas_OutgoingReferralDate"] == [world.day()]
    assert row.values["vic_TraffickingStatusDecisionMakingOrg"] == "NGO"
    assert {line.field for line in row.lines if line.where.startswith("HTCDS has no reference")} == {"referrals"}


async def test_several_episodes_become_the_one_that_the_standard_holds_and_the_report_says_so(world: World) -> None:
    case = (await taken(world, ROW)).reference
    episode = {
        "types": ["ForcedCriminality", "Servitude"],
        "industries": ["A01_CropAndAnimalProduction"],
        "recruiter_relations": ["Friend", "Familial"],
        "means_of_control": ["RestrictsMovement"],
        "exploitation_countries": ["RU"],
    }
    await world.post("alpha", f"/cases/{case}/exploitation-episodes", episode, expect=201)
    (row,) = await given(world)
    assert row.values["vic_TypeOfExploitation"] == ["ForcedLabour", "Other", "Servitude", "SexualExploitation"]
    assert row.values["vic_ForcedLabourIndustry"] == "A_AgricultureForestryAndFishing"
    assert row.values["vic_MethodsOfControl"] == ["Other"]
    assert "vic_RelationshipToTrafficker" not in row.values
    lines = {line.field: line for line in row.lines}
    assert lines["exploitation.recruiter_relations"].where == "HTCDS holds one"
    assert lines["exploitation.types"].fate == lines["exploitation.industries"].fate == Fate.KEPT
    for lost in ("exploitation episodes", "exploitation words", "exploitation.exploitation_countries"):
        assert lines[lost].fate == Fate.NOT_PLACED


async def test_the_senders_status_stands_until_somebody_works_on_the_case_here(world: World) -> None:
    case = await identified(world, ROW | {"cas_Status": "Closed", "cas_IncomingReferralDetails": "by a friend"})
    (row,) = await given(world)
    assert (row.values["cas_Status"], row.values["cas_IncomingReferralDetails"]) == ("Closed", "by a friend")
    version = await world.version("alpha", f"/cases/{case}")
    response = await world.ask("alpha", "PUT", f"/cases/{case}/case-work", {"case_work": "active"}, version=version)
    assert response.is_success, response.text
    (row,) = await given(world)
    assert (row.values["cas_Status"], row.values["cas_IncomingReferralDetails"]) == ("Active", "entry channel: other")


async def test_only_cases_that_the_organisation_leads_go_out_and_only_to_its_members(world: World) -> None:
    await taken(world, ROW)
    assert await given(world, "beta") == []
    stranger = claims_for("caseworker-alpha", "NGO-BETA", Role.NGO_CASEWORKER, world.runtime)
    with pytest.raises(TokenRefused):
        await give_out(stranger, world.runtime)


async def test_a_case_behind_a_wall_does_not_go_out(world: World) -> None:
    case = (await taken(world, ROW)).reference
    await world.post("alpha", f"/cases/{case}/walls", {"staff": "second-caseworker-alpha"}, expect=201)
    assert await given(world, "alpha2") == []
    assert len(await given(world, "alpha")) == 1


async def test_what_the_role_may_not_open_is_marked(world: World) -> None:
    body = case_of(random.Random(1)) | {}  # noqa: S311 - a made-up case
    body["compartments"]["legal"] = {"lawyer": "a lawyer"}
    await world.post("police", "/cases", body)
    (row,) = await given(world, "police")
    assert row.values["prs_FirstName"] == body["compartments"]["identity"]["given_name"]
    reasons = {line.field: line.where for line in row.lines}
    assert reasons["health"] == "withheld: by role"
    assert reasons["legal.lawyer"] == "HTCDS has no such field"


async def test_the_hotline_exports_no_words_after_its_first_day(world: World) -> None:
    await taken(world, ROW, "hotline")
    (row,) = await given(world, "hotline")
    assert row.values["prs_FirstName"] == SECRETS["prs_FirstName"]
    (row,) = await given(world.later(timedelta(hours=25)), "hotline")
    assert row.values["prs_FirstName"] == WITHHELD
    assert row.values["prs_Gender"] == "Feminine"


def command(*words: str) -> int:
    arguments = build_parser().parse_args(words)
    code: int = arguments.run(arguments)
    return code


FICTIONAL = Path(directory.__file__).parent / "fictional" / "directory.yaml"
SHELL = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tree.ROOT)}
ALPHA = ("--as", "caseworker-alpha", "NGO-ALPHA", "ngo_caseworker")


def test_the_commands_take_in_and_give_out_a_file_that_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="nrm-tests-"))  # the server runs as another account when we are root
    folder.chmod(0o711)
    monkeypatch.setenv("NRM_DATA_DIR", str(folder))
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text(json.dumps(ROW) + "\n")
    assert command("migrate") == 0
    assert command("directory", "load", str(FICTIONAL)) == 0
    assert command("import", "htcds", str(rows), *ALPHA) == 0
    assert command("export", "htcds", *ALPHA, "--output", str(out), "--format", "jsonl") == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (row,) = map(json.loads, out.read_text().splitlines())
    assert row["prs_FirstName"] == SECRETS["prs_FirstName"]
    book, page, told = tmp_path / "out.xlsx", tmp_path / "page.json", tmp_path / "ctdc.csv"
    assert command("export", "htcds", *ALPHA, "--output", str(book), "--format", "xlsx") == 0
    assert read(book.read_bytes(), Format.XLSX)[0]["prs_FirstName"] == SECRETS["prs_FirstName"]
    assert command("export", "hsds", *ALPHA, "--output", str(page)) == 0
    before = capsys.readouterr()
    assert command("import", "hsds", str(page)) == 1, "there is a case: nobody changes the directory alone"
    refusal = capsys.readouterr()
    act = act_refused(refusal.err)
    assert act is not None
    agree({**SHELL, "NRM_DATA_DIR": str(folder), "NRM_PORT": str(free_port())}, act)
    assert command("import", "hsds", str(page)) == 0
    assert command("export", "ctdc", *ALPHA, "--output", str(told)) == 0
    assert len(told.read_text().splitlines()) == 1
    refused = tmp_path / "refused.csv"
    monitor = ("--as", "monitoring-officer", "MONITORING", "monitoring_staff")
    assert command("export", "htcds", *monitor, "--output", str(refused)) == 1
    assert not refused.exists()
    printed = capsys.readouterr()
    assert "1 left out: not identified" in printed.out
    all_of_it = "".join(one.out + one.err for one in (before, refusal, printed))
    assert not any(secret in all_of_it for secret in SECRETS.values())
    shutil.rmtree(folder)


def test_the_command_never_overwrites_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    assert command("export", "htcds", *ALPHA, "--output", str(there)) == 2
    assert there.read_text() == "mine"
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("format_", ["htcds", "ctdc", "hsds"])
def test_the_command_follows_no_link_to_a_place_that_somebody_else_chose(tmp_path: Path, format_: str) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "out.csv"
    link.symlink_to(elsewhere)
    assert command("export", format_, *ALPHA, "--output", str(link)) == 2
    assert command("export", format_, *ALPHA, "--output", str(tmp_path / "absent" / ".." / ".." / "x" / "y")) == 2
    assert not elsewhere.exists()


def test_the_command_says_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.ods"
    rows.write_text("x")
    assert command("import", "htcds", str(rows), *ALPHA) == 2
    assert "neither .csv nor .xlsx nor .jsonl" in capsys.readouterr().err
    assert command("import", "htcds", str(tmp_path / "absent.csv"), *ALPHA) == 2
    assert command("import", "htcds", str(rows), "--as", "a", "b", "queen") == 2
