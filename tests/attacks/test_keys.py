"""Who takes a custodian's mnemonic, the sealed file, the module's PIN or a rotator's password has no key by it."""

import os
import random
import secrets
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from typing import Any

import asyncpg
import PyKCS11
import pytest
from shamir_mnemonic import generate_mnemonics
from shamir_mnemonic.share import Share

from api.cli import build_parser
from api.settings import DatabaseRole
from domain.sealing import key_files, pkcs11, shares
from domain.sealing.keeper import Keeper
from domain.sealing.key_files import KeyFileRefused
from domain.sealing.pkcs11 import Token, TokenPlace
from domain.sealing.ring import Contents, Sealed
from domain.sealing.shares import Opened, SealedFile, ShareRefused, SharesSource, opened_by
from tests.api.prepared import PERSON
from tests.attacks.intruder import intruding
from tests.attacks.relations import WORKER, Stage, opened
from tests.attacks.test_privileges import WRITABLE, columns
from tests.softhsm import Tokens
from tests.world import World

Attack = Callable[..., None]
FORGED = 200
"""Mnemonics that were made up beside the true ones, for each number of true ones."""


def begun(path: Path, custodians: int = 5, quorum: int = 3) -> list[str]:
    file, mnemonics = shares.begun(custodians=custodians, quorum=quorum, random=secrets.token_bytes)
    key_files.write(path, file.text())
    return mnemonics


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.sealed"


@pytest.fixture
def mnemonics(path: Path) -> list[str]:
    return begun(path)


def tried_to_open(path: Path, offered: list[str]) -> bool:
    """Give mnemonics to a process as custodians do; tell whether it opens anything."""
    keeper = Keeper(SharesSource(path, secrets.token_bytes))
    for mnemonic in offered:
        try:
            keeper.offer(mnemonic)
        except ShareRefused:
            continue
    try:
        keeper.wrap(b"k" * 32, b"")
    except Sealed:
        return False
    return True


def test_below_the_quorum_nothing_opens(path: Path, tmp_path: Path, mnemonics: list[str], attack: Attack) -> None:
    """Every set of custodians that is too small, of several ceremonies; and made-up mnemonics in the missing place."""
    tried = succeeded = 0
    ceremonies = {(5, 3): (path, mnemonics)}
    for custodians, quorum in ((2, 2), (3, 2), (7, 5)):
        place = tmp_path / f"{custodians}-{quorum}"
        ceremonies[custodians, quorum] = place, begun(place, custodians, quorum)
    for (_, quorum), (place, held) in ceremonies.items():
        for size in range(quorum):
            for few in combinations(held, size):
                tried += 1
                succeeded += tried_to_open(place, list(few) * 2)
        assert tried_to_open(place, held[:quorum])
    for _ in range(FORGED):
        share = Share.from_mnemonic(mnemonics[4])
        forged = Share(**(vars(share) | {"value": secrets.token_bytes(32)})).mnemonic()
        tried += 1
        succeeded += tried_to_open(path, [mnemonics[0], forged, mnemonics[1]])
    attack("fewer mnemonics than the quorum", tried=tried, succeeded=succeeded)


def test_mnemonics_of_other_ceremonies_do_not_add_up(
    path: Path, tmp_path: Path, mnemonics: list[str], attack: Attack
) -> None:
    """Of a second ceremony as it is, and renamed to the first one's number."""
    other = [Share.from_mnemonic(one) for one in begun(tmp_path / "other")]
    number = Share.from_mnemonic(mnemonics[0]).identifier
    renamed = [Share(**(vars(one) | {"identifier": number})).mnemonic() for one in other]
    kept = [one.mnemonic() for one in other]
    tried = succeeded = 0
    for own, foreign in product(range(3), (kept, renamed)):
        for mine, theirs in product(combinations(mnemonics, own), combinations(foreign, 3 - own)):
            tried += 1
            succeeded += tried_to_open(path, [*mine, *theirs])
    attack("mnemonics of two ceremonies together", tried=tried, succeeded=succeeded)


def test_an_altered_or_forged_sealed_file_opens_nothing(path: Path, mnemonics: list[str], attack: Attack) -> None:
    text = path.read_bytes()
    tried = succeeded = 0
    dice = random.Random(60)  # noqa: S311 - which bit to flip, the same at every run
    quorum = mnemonics[:3]
    genuine = opened_by(path, quorum)
    assert genuine is not None
    for position in range(len(text)):
        flipped = bytearray(text)
        flipped[position] ^= 1 << dice.randrange(7)
        path.write_bytes(flipped)
        try:
            found = opened_by(path, quorum)
        except KeyFileRefused:
            found = None
        tried += 1
        succeeded += found is not None and found.contents != genuine.contents
    path.write_bytes(text)
    mine = Contents({"0" * 16: bytearray(32)}, bytearray(32))
    for master in (secrets.token_bytes(32), bytes(32), bytes.fromhex(SealedFile.read(path).sealed)[:32]):
        key_files.replace(
            path, SealedFile.read(path).with_contents(Opened(bytearray(master), mine), mine, secrets.token_bytes).text()
        )
        tried += 1
        succeeded += tried_to_open(path, mnemonics)
    attack("an altered or forged sealed file", tried=tried, succeeded=succeeded)


def test_a_mnemonic_that_would_take_hours_to_try_is_not_tried(path: Path, mnemonics: list[str], attack: Attack) -> None:
    """Whoever reaches the socket could otherwise stop the process with numbers of the format itself."""
    number = Share.from_mnemonic(mnemonics[0]).identifier
    (costly,) = generate_mnemonics(1, [(3, 5)], secrets.token_bytes(32), iteration_exponent=0)
    tried = succeeded = 0
    for exponent, mnemonic in product((0, 2, 8, 15), costly):
        share = Share(**(vars(Share.from_mnemonic(mnemonic)) | {"identifier": number, "iteration_exponent": exponent}))
        tried += 1
        try:
            SharesSource(path, secrets.token_bytes).check(share.mnemonic())
            succeeded += 1
        except ShareRefused:
            continue
    attack("mnemonics that cost hours", tried=tried, succeeded=succeeded)


async def test_the_key_in_the_module_cannot_be_taken_out_by_who_has_the_pin(tokens: Tokens, attack: Attack) -> None:
    """The module itself is asked: to show it, to make it movable, to wrap it, to copy it, to derive it away."""
    pin = tokens.new("extraction")
    place = TokenPlace(tokens.found.module, "extraction", lambda: pin.read_text().strip())
    provider = pkcs11.create(place, secrets.token_bytes)
    session = Token(place)._session
    handles = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY)])
    assert len(handles) == 2
    wrapping = {"CKA_CLASS": PyKCS11.CKO_SECRET_KEY, "CKA_KEY_TYPE": PyKCS11.CKK_AES, "CKA_VALUE_LEN": 32}
    mine = session.generateKey(
        [(getattr(PyKCS11, name), value) for name, value in wrapping.items()]
        + [(PyKCS11.CKA_TOKEN, False), (PyKCS11.CKA_WRAP, True), (PyKCS11.CKA_ENCRYPT, True)]
    )
    movable = session.generateKey(
        [(getattr(PyKCS11, name), value) for name, value in wrapping.items()]
        + [(PyKCS11.CKA_TOKEN, False), (PyKCS11.CKA_EXTRACTABLE, True)]
    )
    assert len(session.wrapKey(mine, movable, PyKCS11.Mechanism(PyKCS11.CKM_AES_KEY_WRAP))) == 40
    tried = succeeded = 0
    for handle in handles:
        attributes = [PyKCS11.CKA_SENSITIVE, PyKCS11.CKA_EXTRACTABLE, PyKCS11.CKA_NEVER_EXTRACTABLE]
        attributes += [PyKCS11.CKA_ALWAYS_SENSITIVE, PyKCS11.CKA_LOCAL, PyKCS11.CKA_MODIFIABLE]
        assert session.getAttributeValue(handle, attributes) == [True, False, True, True, True, False]
        tried += 1
        succeeded += session.getAttributeValue(handle, [PyKCS11.CKA_VALUE]) != [None]
        for attempt in extractions(session, mine, handle):
            tried += 1
            try:
                attempt()
                succeeded += 1
            except PyKCS11.PyKCS11Error:
                continue
    provider.forget()
    attack("a key out of the security module", tried=tried, succeeded=succeeded)


def extractions(session: Any, mine: Any, key: Any) -> list[Callable[[], Any]]:
    """Return what somebody with the PIN would try on a key."""
    movable = (
        [(PyKCS11.CKA_EXTRACTABLE, True)],
        [(PyKCS11.CKA_SENSITIVE, False)],
        [(PyKCS11.CKA_MODIFIABLE, True)],
        [(PyKCS11.CKA_WRAP, True)],
        [(PyKCS11.CKA_DERIVE, True)],
    )
    mechanisms = (PyKCS11.CKM_AES_KEY_WRAP, PyKCS11.CKM_AES_KEY_WRAP_PAD)
    template = [(PyKCS11.CKA_TOKEN, False), (PyKCS11.CKA_SENSITIVE, False), (PyKCS11.CKA_EXTRACTABLE, True)]
    derive = PyKCS11.CONCATENATE_BASE_AND_DATA_Mechanism(b"\0" * 16)
    return [
        *(lambda change=change: session.setAttributeValue(key, change) for change in movable),
        *(lambda one=one: session.wrapKey(mine, key, PyKCS11.Mechanism(one)) for one in mechanisms),
        *(lambda one=one: session.wrapKey(key, key, PyKCS11.Mechanism(one)) for one in mechanisms),
        lambda: session.deriveKey(key, template, derive),
    ]


async def test_a_wrapped_key_serves_no_other_holder(world: World, admin: asyncpg.Connection, attack: Attack) -> None:
    """A superuser moves wrapped keys, with and without what they seal, between cases, compartments and versions."""
    sealed = {"identity": {"given_name": "Fictional"}, "contact": {"phone": "+996 555 010203"}}
    cases = []
    for _ in range(3):
        body = {"entry_channel": "ngo", "person": PERSON, "compartments": sealed}
        cases.append((await world.post("alpha", "/cases", body))["reference"])
    rows = await admin.fetch("SELECT * FROM sealing_keys")
    assert len(rows) == 6
    tried = succeeded = 0
    for target, source in product(rows, rows):
        if target == source:
            continue
        transaction = admin.transaction()
        await transaction.start()
        place = (target["holder_id"], target["compartment"])
        moved = "UPDATE sealing_keys SET wrapped = $1 WHERE holder_id = $2 AND compartment = $3"
        await admin.execute(moved, source["wrapped"], *place)
        blob = "SELECT sealed FROM sealed_values WHERE holder_id = $1 AND compartment = $2"
        other = await admin.fetchval(blob, source["holder_id"], source["compartment"])
        over = "UPDATE sealed_values SET sealed = $1 WHERE holder_id = $2 AND compartment = $3"
        await admin.execute(over, other, *place)
        await transaction.commit()
        reference = await admin.fetchval("SELECT reference FROM cases WHERE id = $1", target["holder_id"])
        answer = await world.ask("alpha", "GET", f"/cases/{reference}/person/{target['compartment']}")
        tried += 1
        succeeded += answer.status_code == 200
        assert answer.json()["code"] == "seal-broken"
        await admin.execute(moved, target["wrapped"], *place)
        await admin.execute(over, await admin.fetchval(blob, *place), *place)
    attack("wrapped keys moved to another holder", tried=tried, succeeded=succeeded)


async def test_who_rotates_changes_wrapped_keys_and_nothing_else(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    await opened(stage, "owner", WORKER)
    role = DatabaseRole.ROTATOR
    keys = {f"sealing_keys.{one}" for one in ("holder_id", "compartment", "version", "key_id", "wrapped")}
    assert await columns(superuser, role, "SELECT") == keys | {"retired_keys.key_id", "retired_keys.retired_at"}
    assert await columns(superuser, role, "UPDATE") == {"sealing_keys.key_id", "sealing_keys.wrapped"}
    assert [row[0] for row in await superuser.fetch(WRITABLE, role)] == ["retired_keys INSERT"]
    used = await superuser.fetchval("SELECT key_id FROM sealing_keys LIMIT 1")
    async with intruding(stage, role) as intruder:
        assert not await intruder.is_refused("SELECT wrapped FROM sealing_keys")
        intruder.tried, intruder.succeeded = 0, 0
        tries: list[tuple[Any, ...]] = [
            ("SELECT 1 FROM sealed_values",),
            ("SELECT 1 FROM cases",),
            ("SELECT 1 FROM persons",),
            ("SELECT 1 FROM staff_members",),
            ("SELECT 1 FROM audit_entries",),
            ("DELETE FROM sealing_keys",),
            ("TRUNCATE sealing_keys",),
            ("UPDATE sealing_keys SET holder_id = gen_random_uuid()",),
            ("UPDATE sealing_keys SET version = 2",),
            ("UPDATE sealing_keys SET key_id = 'x'",),
            ("UPDATE sealing_keys SET wrapped = ''",),
            ("INSERT INTO sealing_keys VALUES (gen_random_uuid(), 'identity', 1, '', '')",),
            ("INSERT INTO retired_keys (key_id) VALUES ($1)", used),
            ("UPDATE retired_keys SET key_id = 'x'",),
            ("DELETE FROM retired_keys",),
        ]  # fmt: skip
        for statement, *values in tries:
            try:
                refused = await intruder.is_refused(statement, *values)
            except asyncpg.PostgresError as error:
                refused = error.sqlstate in {"NRK02", asyncpg.CheckViolationError.sqlstate}
            assert refused, statement
        attack("more than rewrapping, by the rotator's password", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_nobody_brings_a_retired_key_back(stage: Stage, superuser: asyncpg.Connection, attack: Attack) -> None:
    key_id = secrets.token_hex(8)
    await superuser.execute("INSERT INTO retired_keys (key_id) VALUES ($1)", key_id)
    wrapped = b"\1" + bytes.fromhex(key_id) + bytes(60)
    changes: list[tuple[Any, ...]] = [
        ("DELETE FROM retired_keys",),
        ("UPDATE retired_keys SET key_id = 'x'",),
        ("TRUNCATE retired_keys",),
        ("INSERT INTO sealing_keys VALUES (gen_random_uuid(), 'identity', 1, $1, $2)", key_id, wrapped),
        ("INSERT INTO sealing_keys VALUES (gen_random_uuid(), 'identity', 1, 'another', $1)", wrapped),
        ("UPDATE sealing_keys SET key_id = $1, wrapped = $2", key_id, wrapped),
    ]
    await opened(stage, "owner", WORKER)
    tried = succeeded = 0
    for statement, *values in changes:
        tried += 1
        try:
            await superuser.execute(statement, *values)
            succeeded += 1
        except asyncpg.PostgresError:
            continue
    attack("a retired key brought back", tried=tried, succeeded=succeeded)


CRASHES = """
import os, resource, signal, sys
from api.hardening import leave_nothing_behind
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
if sys.argv[1] == "closed":
    leave_nothing_behind()
signal.signal(int(sys.argv[2]), signal.SIG_DFL)  # a shell ignores some for what it lets run behind it
os.kill(os.getpid(), int(sys.argv[2]))
"""


def test_a_crash_writes_no_memory_anywhere(tmp_path: Path, attack: Attack) -> None:
    """The system itself tells whether it made a core file, wherever this machine sends those."""
    tried = succeeded = 0
    root = Path(__file__).resolve().parents[2]
    for number in (3, 4, 6, 8, 11):
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", CRASHES, "closed", str(number)], cwd=tmp_path, env={"PYTHONPATH": str(root)}
        )
        _, status = os.waitpid(process.pid, 0)
        process.returncode = 0
        assert os.WTERMSIG(status) == number
        tried += 1
        succeeded += os.WCOREDUMP(status) or bool(list(tmp_path.iterdir()))
    attack("a core file of a process that holds keys", tried=tried, succeeded=succeeded)


def test_no_command_takes_a_mnemonic_or_a_pin_as_a_word(mnemonics: list[str], attack: Attack) -> None:
    """What stands on a command line is seen by every process of the machine, and kept by shells."""
    tried = succeeded = 0
    for words in (["unseal"], ["seal"], ["keys", "add"], ["keys", "rotate"], ["keys", "reshare"], ["keys", "init"]):
        for more in ([mnemonics[0]], ["--mnemonic", mnemonics[0]], ["--share", mnemonics[0]], ["--pin", "1234"]):
            tried += 1
            with pytest.raises(SystemExit):
                build_parser().parse_args([*words, *more])
    attack("secrets on a command line", tried=tried, succeeded=succeeded)
