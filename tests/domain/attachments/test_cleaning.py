"""What is left of a document: what it shows, and nothing that tells of where, when, by whom or with what."""

import io
from collections.abc import Callable

import pikepdf
import pytest
from PIL import Image, ImageChops

from domain.attachments import pdf
from domain.attachments.cleaning import cleaned, format_of
from domain.attachments.jpeg import NoJpeg, without_metadata
from domain.attachments.pdf import Refused
from tests import documents
from tests.documents import drawn, encoded, page_of, plain_pdf, saved, telling_jpeg, telling_pdf, telling_png, text

WORD = "Kanareyka"
PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def jpeg_markers(content: bytes) -> list[int]:
    """Return the markers of a JPEG, up to its scan; read here anew, not by the code that is looked at."""
    found, place = [], 2
    while content[place + 1] != 0xDA:
        assert content[place] == 0xFF
        found.append(content[place + 1])
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return found


def png_chunks(content: bytes) -> tuple[set[bytes], int]:
    """Return the kinds of chunks of a PNG, and how many bytes stand behind the last."""
    found, place = set(), 8
    while b"IEND" not in found:
        found.add(content[place + 4 : place + 8])
        place += 12 + int.from_bytes(content[place : place + 4], "big")
    return found, len(content) - place


def everything(content: bytes) -> bytes:
    """Return all that a PDF holds: its bytes, and every stream and dictionary in it, opened."""
    with pikepdf.open(io.BytesIO(content)) as document:
        parts = [content, repr(document.trailer).encode(), repr(document.docinfo).encode()]
        for one in document.objects:
            parts.append(repr(one).encode())
            if isinstance(one, pikepdf.Stream):
                parts += [one.read_raw_bytes(), one.get_raw_stream_buffer()]
                if one.get("/Filter") == pikepdf.Name.FlateDecode:
                    parts.append(one.read_bytes())
    return b"\n".join(bytes(part) for part in parts)


def test_a_photograph_keeps_its_pixels_and_nothing_else() -> None:
    content = telling_jpeg(WORD)
    found = cleaned(content)
    assert content.count(WORD.encode()) > 10
    assert WORD.encode() not in found
    assert set(jpeg_markers(found)) <= {0xE0, 0xDB, 0xC0, 0xC4}
    assert found.endswith(b"\xff\xd9")
    difference = ImageChops.difference(opened(content).convert("RGB"), opened(found)).convert("L")
    assert sum(value * count for value, count in enumerate(difference.histogram())) / (64 * 48) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_camera_said(orientation: int) -> None:
    found = opened(cleaned(telling_jpeg(WORD, orientation)))
    assert found.size == ((64, 48) if orientation < 5 else (48, 64))
    corner = {1: (8, 8), 2: (56, 8), 3: (56, 40), 4: (8, 40), 5: (8, 8), 6: (40, 8), 7: (40, 56), 8: (8, 56)}
    red, green, blue = found.getpixel(corner[orientation])  # type: ignore[misc]
    assert red > 200
    assert green < 60 > blue
    assert not found.getexif()


def test_a_picture_keeps_its_pixels_and_nothing_else() -> None:
    content = telling_png(WORD)
    found = cleaned(content)
    kinds, behind = png_chunks(found)
    assert (kinds - PNG_CHUNKS, behind) == (set(), 0)
    assert WORD.encode() not in found
    assert opened(found).tobytes() == drawn().tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_picture_of_any_mode_shows_what_it_showed(mode: str) -> None:
    made = Image.new("I;16", (9, 9), 0x8000) if mode == "I;16" else drawn().convert("RGBA").convert(mode)
    found = opened(cleaned(encoded(made, "PNG")))
    grey = found.convert("L").getpixel((1, 1))
    assert isinstance(grey, int | float)
    expected = 128 if mode == "I;16" else made.convert("RGB").convert("L").getpixel((1, 1))
    assert abs(grey - expected) <= 2  # type: ignore[operator]


def test_see_through_pixels_stay_so() -> None:
    made = drawn(mode="P")
    content = encoded(made, "PNG", transparency=made.getpixel((1, 1)))
    found = opened(cleaned(content))
    assert found.mode == "RGBA"
    assert found.getpixel((1, 1))[3] == 0  # type: ignore[index]
    assert found.getpixel((60, 1))[3] == 255  # type: ignore[index]


def test_a_document_tells_nothing_but_what_its_pages_show() -> None:
    content = telling_pdf(WORD, "Shown to everybody")
    found = cleaned(content)
    assert content.count(WORD.encode()) > 20
    assert WORD.encode() not in everything(found)
    assert WORD.encode("utf-16-be") not in everything(found)
    with pikepdf.open(io.BytesIO(found)) as document:
        assert set(document.Root.keys()) == {"/Type", "/Pages"}
        assert "/Info" not in document.trailer
        assert set(document.pages[0].obj.keys()) <= {"/Type", "/Parent", *pdf.PAGE}
        assert b"Shown to everybody" in document.pages[0].Contents.read_bytes()
        photograph = pikepdf.PdfImage(document.pages[0].Resources.XObject.Photo).as_pil_image()
        assert photograph.size == (64, 48)
        assert photograph.convert("RGB").getpixel((5, 5))[0] > 200  # type: ignore[index]


def test_an_earlier_version_of_a_document_is_gone() -> None:
    first = plain_pdf(f"{WORD} before it was struck out")
    found = everything(cleaned(documents.updated(first, text("Struck out"))))
    assert WORD.encode() in everything(first)
    assert b"Struck out" in found
    assert WORD.encode() not in found


def test_a_filled_form_stays_filled() -> None:
    document = pikepdf.new()
    page = page_of(document, text("Name:"))
    shown = document.make_stream(
        b"/Tx BMC BT /F1 12 Tf 2 2 Td (Filled in) Tj ET EMC",
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=[0, 0, 100, 20],
        Resources=page.obj.Resources,
    )
    field = document.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T=WORD, V="Filled in", F=4,
            DA="/F1 12 Tf", Rect=[20, 100, 120, 120], AP=pikepdf.Dictionary(N=shown), TU=WORD,
        )
    )  # fmt: skip
    page.obj.Annots = pikepdf.Array([field])
    document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]), DR=page.obj.Resources)
    found = everything(cleaned(saved(document)))
    assert b"Filled in" in found
    assert WORD.encode() not in found


def nothing(_: pikepdf.Pdf) -> None:
    """Leave a document as it is."""


def refused(content: bytes) -> str:
    with pytest.raises(Refused) as caught:
        cleaned(content)
    return str(caught.value)


def encrypted() -> bytes:
    document = pikepdf.new()
    page_of(document, text("secret"))
    return saved(document, encryption=pikepdf.Encryption(owner="o", user="u"))


def locked() -> bytes:
    document = pikepdf.new()
    page_of(document, text("secret"))
    return saved(document, encryption=pikepdf.Encryption(owner="o", user=""))


def long() -> bytes:
    document = pikepdf.new()
    for _ in range(pdf.MOST_PAGES + 1):
        document.add_blank_page()
    return saved(document)


def with_image(filters: object) -> bytes:
    document = pikepdf.new()
    page = page_of(document, b"/Photo Do")
    image = document.make_stream(
        telling_jpeg(WORD), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=64, Height=48
    )
    image.write(telling_jpeg(WORD), filter=filters)
    page.obj.Resources.XObject = pikepdf.Dictionary(Photo=image)
    return saved(document, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)


def with_inline_image() -> bytes:
    document = pikepdf.new()
    page_of(document, b"q BI /W 1 /H 1 /CS /RGB /BPC 8 /F /DCT ID \xff\xd8" + WORD.encode() + b"\xff\xd9 EI Q")
    return saved(document)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: b"", "kind"),
        (lambda: b"GIF89a" + bytes(99), "kind"),
        (lambda: b"<svg onload='alert(1)'/>", "kind"),
        (lambda: b" " + plain_pdf(), "kind"),
        (lambda: documents.archive(WORD) + plain_pdf(), "kind"),
        (lambda: b"\x89PNG\r\n\x1a\n" + bytes(99), "broken"),
        (lambda: documents.picture()[:-30], "broken"),
        (lambda: telling_jpeg(WORD)[:400], "broken"),
        (lambda: b"\xff\xd8\xff" + b"<script>", "broken"),
        (lambda: b"%PDF-1.7\nnothing", "broken"),
        (lambda: plain_pdf()[:-200], "broken"),
        (lambda: saved(pikepdf.new()), "broken"),
        (encrypted, "encrypted"),
        (locked, "encrypted"),
        (lambda: documents.bomb_png(6400), "too-large"),
        (lambda: documents.bomb_png(20_000), "too-large"),
        (long, "too-large"),
        (lambda: with_image(pikepdf.Name.JPXDecode), "unsupported"),
        (lambda: with_image(pikepdf.Array([pikepdf.Name.ASCIIHexDecode, pikepdf.Name.DCTDecode])), "unsupported"),
        (with_inline_image, "unsupported"),
    ],
)
def test_what_cannot_be_cleaned_is_refused_with_a_reason(made: Callable[[], bytes], reason: str) -> None:
    assert refused(made()) == reason


def test_what_it_is_shows_at_the_first_byte_and_not_behind_it() -> None:
    assert format_of(b"x" + documents.picture()) is None
    assert format_of(b"%PDF-1.4 and \x89PNG") == "pdf"


@pytest.mark.parametrize("progressive", [False, True])
def test_a_photograph_inside_a_document_keeps_its_picture_to_the_last_bit(progressive: bool) -> None:  # noqa: FBT001
    made = encoded(drawn(), "JPEG", quality=95, progressive=progressive, comment=WORD, exif=documents.exif(WORD))
    found = without_metadata(made + documents.archive(WORD))
    assert WORD.encode() not in found
    assert opened(found).tobytes() == opened(made).tobytes()


def test_colours_of_print_are_read_as_before() -> None:
    made = encoded(drawn(mode="CMYK"), "JPEG", comment=WORD)
    found = without_metadata(made)
    assert 0xEE in jpeg_markers(found)
    assert opened(found).tobytes() == opened(made).tobytes()


@pytest.mark.parametrize("end", range(0, 700, 7))
def test_a_photograph_that_is_cut_short_is_no_photograph(end: int) -> None:
    made = encoded(drawn(), "JPEG")
    assert len(made) > 700
    with pytest.raises(NoJpeg):
        without_metadata(made[:end])
