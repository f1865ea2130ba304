"""Documents that are made to hurt: too long, too deep, two things at once; and the process that looks at them."""

import asyncio
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import asyncpg
import pikepdf
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.cleaning import PROGRAM, Cleaner
from api.uploads import Uploads
from domain.errors import InvalidInput
from tests.attacks.relations import WORKER, Stage, opened
from tests.attacks.wire import Exchange, exchanged
from tests.documents import (
    BINARY,
    archive,
    bomb_png,
    drawn,
    encoded,
    picture,
    plain_pdf,
    saved,
    telling_jpeg,
    telling_pdf,
    text,
)

Attack = Callable[..., None]

WORD = "Zhyldyzkan"


async def uploaded(
    stage: Stage, case: str, parts: list[bytes] | None, key: str, app: FastAPI | None = None, **headers: str
) -> Exchange:
    """Send a document in parts, without saying how long it will be unless `headers` do."""
    sent = {
        "Authorization": f"Bearer {stage.token('owner', WORKER)}",
        "Idempotency-Key": key,
        "Content-Type": BINARY,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    path = f"/v1/cases/{case}/attachments?compartment=identity"
    return await exchanged(app or stage.world.app, "POST", path, sent, parts)


async def test_a_document_that_is_too_long_is_refused_as_announced_and_as_it_comes(
    stage: Stage, attack: Attack
) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    limit = stage.world.runtime.settings.upload_limit
    part = bytes(1 << 20)
    parts = [part] * (limit // len(part) + 4)
    silent = await uploaded(stage, case, parts, "too-long-silent")
    announced = await uploaded(stage, case, parts, "too-long-announced", Content_Length=str(limit + 1))
    lying = await uploaded(stage, case, parts, "too-long-lying", Content_Length="10")
    odd = await uploaded(stage, case, parts, "too-long-odd", Content_Length="-1")
    assert [one.status for one in (silent, announced, lying, odd)] == [413] * 4
    assert (announced.pulled, odd.pulled) == (0, 0)
    assert max(silent.pulled, lying.pulled) <= limit + len(part)
    small = replace(
        stage.world.runtime, settings=stage.world.runtime.settings.model_copy(update={"upload_limit": 2048})
    )
    tight = await uploaded(stage, case, [bytes(2049)], "too-long-tight", create_app(small))
    attack("documents longer than the limit", tried=5, succeeded=int(tight.status != 413))


def hostile() -> Iterator[tuple[str, bytes]]:
    """Yield documents that are not what they seem, or more than they seem."""
    yield "nothing", b""
    yield "a page", b"<!doctype html><script>alert(1)</script>"
    yield "a drawing with a script", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    yield "an archive", archive(WORD)
    yield "a program", b"\x7fELF" + bytes(200)
    yield "a GIF", encoded(drawn(), "GIF")
    yield "a TIFF", encoded(drawn(), "TIFF")
    yield "a WebP", encoded(drawn(), "WEBP")
    yield "an archive before a document", archive(WORD) + plain_pdf()
    yield "a document after a space", b"\n" + plain_pdf()
    yield "a picture that is a page", b"\xff\xd8\xff\xe0<html><script>alert(1)</script>"
    yield "a signature alone", b"\x89PNG\r\n\x1a\n"
    yield "a picture cut short", telling_jpeg(WORD)[:500]
    yield "400 million pixels", bomb_png(20_000)
    yield "41 million pixels", bomb_png(6_404)
    yield "a picture of two billion lines", tall()
    yield "a document without its table", plain_pdf()[:-120]
    yield "instructions that unpack to 2 GiB", deep()
    yield "a page that leads to itself", looping()


ADLER = 65_521
"""The modulus of the checksum of zlib: over zeros it only counts them."""


def tall() -> bytes:
    """Return a PNG that says it is much larger than it is."""
    made = bytearray(picture())
    made[16:24] = b"\x7f\xff\xff\xff\x7f\xff\xff\xff"
    return bytes(made)


def deep() -> bytes:
    """Return a document whose page unpacks twice, to two gibibytes."""
    length = 2 << 30
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = (length % ADLER << 16 | 1).to_bytes(4, "big")
    packed = b"\x78\xda" + block * (length >> 20) + b"\x03\x00" + checksum
    document = pikepdf.new()
    document.add_blank_page()
    twice = pikepdf.Array([pikepdf.Name.FlateDecode, pikepdf.Name.FlateDecode])
    stream = document.make_stream(b"")
    stream.write(zlib.compress(packed, 9), filter=twice)
    document.pages[0].Contents = stream
    return saved(document, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)


def looping() -> bytes:
    """Return a document whose tree of pages has no end."""
    return plain_pdf().replace(b"/Kids [ 3 0 R ]", b"/Kids [ 2 0 R ]")


async def test_what_is_no_picture_and_no_document_never_comes_in(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    before = await superuser.fetchval("SELECT count(*) FROM attachments")
    documents = list(hostile())
    taken = []
    for number, (name, content) in enumerate(documents):
        answer = await uploaded(stage, case, [content], f"hostile-{number:04}")
        if answer.status != 422 or b'"field":"content"' not in answer.content.replace(b" ", b""):
            taken.append((name, answer.status))
        assert WORD.encode() not in answer.content
    assert taken == []
    assert await superuser.fetchval("SELECT count(*) FROM attachments") == before
    attack("hostile documents", tried=len(documents), succeeded=len(taken))
    assert (await uploaded(stage, case, [picture()], "hostile-after")).status == 201, "and all goes on"


async def test_two_things_at_once_come_out_as_one(stage: Stage, attack: Attack) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    page = b"<script>alert(1)</script>"
    both = [telling_jpeg(WORD) + page, picture() + page, telling_pdf(WORD) + page, picture() + plain_pdf()]
    through = 0
    for number, content in enumerate(both):
        answer = await uploaded(stage, case, [content], f"both-{number:06}")
        assert answer.status == 201, answer.content
        listed = (await stage.ask("owner", WORKER, "GET", f"/cases/{case}/attachments")).json()
        path = f"/cases/{case}/attachments/{listed[-1]['reference']}/content"
        found = await stage.ask("owner", WORKER, "GET", path)
        through += any(part in found.content for part in (page, b"PK\x03\x04", text("A fictional form")))
        assert found.headers["content-type"] == BINARY
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["cache-control"] == "no-store"
        assert "sandbox" in found.headers["content-security-policy"]
        assert found.headers["content-disposition"].startswith("attachment; ")
        assert found.headers["accept-ranges"] == "none"
    attack("files that are two things at once", tried=len(both), succeeded=through)


async def test_a_part_of_an_attachment_cannot_be_asked_for(stage: Stage) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    assert (await uploaded(stage, case, [picture()], "ranges-0001")).status == 201
    listed = (await stage.ask("owner", WORKER, "GET", f"/cases/{case}/attachments")).json()
    headers = {"Authorization": f"Bearer {stage.token('owner', WORKER)}", "Range": "bytes=0-9"}
    path = f"/v1/cases/{case}/attachments/{listed[0]['reference']}/content"
    answer = await stage.client.get(path, headers=headers)
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["content-length"])


CONFINED = PROGRAM.partition("; sys.exit")[0].replace("import main", "import confine")
TRIES = {
    "write a file": "open('/tmp/nrm-confined', 'wb').write(b'x')",
    "write into an open file": "sys.stderr.write('x'); sys.stderr.flush()",
    "read a file": "open('/etc/passwd').read()",
    "make a temporary file": "import tempfile; tempfile.TemporaryFile()",
    "reach the network": "import socket; socket.socket()",
    "open a device": "import os; os.open('/dev/zero', os.O_RDONLY)",
    "take memory": "bytes(2 << 30)",
    "take its limits back": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9)); raise SystemExit(0)",
}


@pytest.mark.parametrize("name", [name for name in TRIES if name != "take its limits back"])
def test_the_process_that_looks_at_documents_can_do_nothing_else(name: str, attack: Attack, tmp_path: object) -> None:
    script = f"{CONFINED}; import tempfile, socket, os; confine(); {TRIES[name]}; print('through')"
    with open(f"{tmp_path}/out", "wb") as errors:  # noqa: PTH123 - a file that is open before the limits are set
        ended = subprocess.run(  # noqa: S603 - a program of this file
            [sys.executable, "-I", "-c", script], stdout=subprocess.PIPE, stderr=errors, check=False
        )
    attack(f"a confined process tries to {name}", tried=1, succeeded=int(b"through" in ended.stdout))
    assert ended.returncode != 0


async def test_a_document_that_ends_its_process_is_refused_and_no_other(attack: Attack) -> None:
    cleaner = Cleaner(patience=0.01)
    for _ in range(3):
        with pytest.raises(InvalidInput) as slow:
            await cleaner.clean(picture())
        assert slow.value.details == {"field": "content", "reason": "too-large"}
    patient = Cleaner()
    made = await asyncio.gather(*(patient.clean(picture((40 + n, 30))) for n in range(4)))
    assert {one.format for one in made} == {"png"}
    attack("documents that take too long", tried=3, succeeded=0)


async def test_a_slow_or_a_crowded_line_holds_nothing_for_ever(stage: Stage, attack: Attack) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    app = create_app(stage.world.runtime)
    app.state.uploads = Uploads(reading=0.05, wait=0.05)
    stuck = await uploaded(stage, case, None, "stuck-line-1", app)
    assert stuck.status == 422
    assert b"too_slow" in stuck.content
    room = [app.state.uploads.room() for _ in range(6)]
    for one in room:
        await one.__aenter__()
    crowded = await uploaded(stage, case, [picture()], "crowded-0001", app)
    for one in room:
        await one.__aexit__(None, None, None)
    assert (crowded.status, crowded.pulled) == (503, 0)
    assert (await uploaded(stage, case, [picture()], "crowded-0002", create_app(stage.world.runtime))).status == 201
    attack("uploads that hold what others wait for", tried=2, succeeded=0)


async def test_a_repeat_of_an_upload_adds_nothing_and_keeps_nothing_of_the_content(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    first, again = [await uploaded(stage, case, [picture()], "repeat-0001") for _ in range(2)]
    assert first.status == again.status == 201
    assert first.content == again.content
    other = await uploaded(stage, case, [picture((65, 48))], "repeat-0001")
    assert other.status == 422
    assert b"idempotency-key-reused" in other.content
    listed = (await stage.ask("owner", WORKER, "GET", f"/cases/{case}/attachments")).json()
    rows = await superuser.fetch("SELECT body, fingerprint, salt FROM idempotency_records")
    pixels = picture()[40:70]
    kept = [row for row in rows if any(pixels in bytes(value) for value in row.values())]
    attack("contents in stored answers", tried=len(rows), succeeded=len(kept) + len(listed) - 1)
