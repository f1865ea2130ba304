"""The segments of a JPEG file, and the same picture without those that only tell of it. Pure.

Source: ITU-T T.81 (JPEG), annex B; Adobe Technical Note 5116 for APP14.
"""

from typing import Final

START, END, SCAN, FILL = 0xD8, 0xD9, 0xDA, 0xFF
ADOBE: Final = 0xEE
"""APP14 says how colours are to be read: without it a picture of a scanner comes out in the wrong ones."""

COMMENT: Final = 0xFE
APPLICATION: Final = range(0xE0, 0xF0)
ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: restarts, and one that is for no use."""

LENGTH_BYTES: Final = 2
ADOBE_BYTES: Final = 14
"""Bytes of an APP14 segment with its length; one that is longer carries something else."""


class NoJpeg(ValueError):
    """The bytes are not a JPEG file that can be read from its first segment to its last."""


def without_metadata(content: bytes) -> bytes:
    """Return a JPEG file without application segments, comments and what stands behind its end; lossless.

    Raises:
        NoJpeg: it cannot be followed from the first segment to the last.
    """
    if content[:2] != bytes([0xFF, START]):
        raise NoJpeg
    kept, place = [content[:2]], 2
    while True:
        place, marker = _marker(content, place)
        if marker == END:
            return b"".join([*kept, bytes([0xFF, END])])
        if marker in ALONE:
            kept.append(bytes([0xFF, marker]))
            continue
        length = int.from_bytes(content[place : place + LENGTH_BYTES], "big")
        segment = content[place : place + length]
        if length < LENGTH_BYTES or len(segment) != length:
            raise NoJpeg
        place += length
        if _shows(marker, segment):
            kept.append(bytes([0xFF, marker]) + segment)
        if marker == SCAN:
            scanned = _scan_end(content, place)
            kept.append(content[place:scanned])
            place = scanned


def _shows(marker: int, segment: bytes) -> bool:
    """Tell whether the picture needs a segment to be shown as it is."""
    if marker == ADOBE:
        return segment[2:7] == b"Adobe" and len(segment) == ADOBE_BYTES
    return marker not in APPLICATION and marker != COMMENT


def _marker(content: bytes, place: int) -> tuple[int, int]:
    """Return where the segment of a marker begins, and the marker; it may be filled with any number of 0xFF."""
    if content[place : place + 1] != b"\xff":
        raise NoJpeg
    while content[place : place + 1] == b"\xff":
        place += 1
    if place >= len(content):
        raise NoJpeg
    return place + 1, content[place]


def _scan_end(content: bytes, place: int) -> int:
    """Return where the next marker stands that ends a scan: not a stuffed 0xFF, and not a restart."""
    while True:
        place = content.find(b"\xff", place)
        if place < 0 or place + 1 >= len(content):
            raise NoJpeg
        following = content[place + 1]
        if following == 0 or following in ALONE:
            place += 2
        elif following == FILL:
            place += 1
        else:
            return place
