"""What a document shows, and nothing that tells of where, when, by whom or with what it was made. Pure.

Photographs are decoded and encoded again from their pixels, documents written anew from their pages. All of it in
memory: no byte goes to a file. `main` is the whole program of a process of its own, since the libraries that read
pictures and documents have had faults that let a file take the process over.
"""

import resource
import struct
import sys
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps, MpoImagePlugin, TiffImagePlugin

from domain.attachments.pdf import Refused, rebuilt
from domain.codes import AttachmentFormat

SIGNATURES: Final = {
    b"\xff\xd8\xff": AttachmentFormat.JPEG,
    b"\x89PNG\r\n\x1a\n": AttachmentFormat.PNG,
    b"%PDF-": AttachmentFormat.PDF,
}
"""How a file begins, at its very first byte: a document that begins as something else is two things at once."""

MOST_PIXELS: Final = 40_000_000
"""Of a picture; a page of A4 at 600 dots an inch has 35 million."""

QUALITY: Final = 90
"""Of a JPEG that is encoded again: writing on a document stays readable."""

MEMORY: Final = 1 << 30
"""Bytes of address space of the process."""

PROCESSOR_SECONDS: Final = 30
REFUSED: Final = 3
"""How the process ends when it refuses a document; its output is the reason."""

MODES: Final = {"1": "L", "L": "L", "LA": "LA", "RGBA": "RGBA"}
"""What the pixels of a picture become; everything else becomes RGB."""

NEEDED: Final = (MpoImagePlugin, TiffImagePlugin)
"""Read pictures taken by pairs and the notes of cameras; imported here, since a confined process can import no more."""


def format_of(content: bytes) -> AttachmentFormat | None:
    """Return what a content begins as, or None if it is nothing that is taken."""
    return next((kind for signature, kind in SIGNATURES.items() if content.startswith(signature)), None)


def cleaned(content: bytes) -> bytes:
    """Return the document anew, in the same format.

    Raises:
        Refused: `kind` (neither JPEG, PNG nor PDF), or a reason of `rebuilt`.
    """
    kind = format_of(content)
    if kind is None:
        raise Refused("kind")
    return rebuilt(content) if kind == AttachmentFormat.PDF else _encoded(content, kind)


def _encoded(content: bytes, kind: AttachmentFormat) -> bytes:
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with Image.open(BytesIO(content), formats=[kind.upper()]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Refused("too-large")
            upright = ImageOps.exif_transpose(picture)
            pixels = _told_apart(upright, kind)
            bare = Image.new(pixels.mode, pixels.size)
            bare.paste(pixels)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("too-large") from None
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, struct.error):
        raise Refused("broken") from None
    output = BytesIO()
    if kind == AttachmentFormat.JPEG:
        bare.save(output, "JPEG", quality=QUALITY)
    else:
        bare.save(output, "PNG")
    return output.getvalue()


def _told_apart(picture: Image.Image, kind: AttachmentFormat) -> Image.Image:
    """Return the pixels in one of the modes that the format is written in here."""
    if picture.mode.startswith("I"):
        picture = picture.point(lambda value: value * (1 / 256)).convert("L")
    if kind == AttachmentFormat.JPEG:
        mode = "L" if picture.mode == "L" else "RGB"
    else:
        mode = "RGBA" if "transparency" in picture.info else MODES.get(picture.mode, "RGB")
    return picture if picture.mode == mode else picture.convert(mode)


def confine() -> None:
    """Let this process open no file and no connection, write to none, start nothing, and end when it takes too much."""
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: PROCESSOR_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for limit, most in limits.items():
        resource.setrlimit(limit, (most, most))


def main() -> int:
    """Read a document from the input and write it clean to the output; ends with 0, or with `REFUSED` and a reason."""
    Image.preinit()
    confine()
    try:
        found = cleaned(sys.stdin.buffer.read())
    except Refused as refused:
        sys.stdout.buffer.write(str(refused).encode())
        return REFUSED
    sys.stdout.buffer.write(found)
    return 0
