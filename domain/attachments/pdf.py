"""A PDF written anew from what its pages show: nothing that tells of people, acts, or hides behind a page. Pure.

What annotations and form fields show is drawn into the pages, so that a filled form stays filled; they themselves, with
the names of their authors, go. So do document information, XMP, embedded files, scripts, actions, links, bookmarks,
thumbnails, earlier versions of the file, and the metadata inside photographs.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Page, Pdf, Stream

from domain.attachments.jpeg import NoJpeg, without_metadata

MOST_PAGES: Final = 300
MOST_OBJECTS: Final = 200_000
"""Visited while a file is rebuilt; more has nothing to do with a scanned document."""

PAGE: Final = ("/MediaBox", "/CropBox", "/Rotate", "/UserUnit", "/Resources", "/Contents", "/Group")
"""What is kept of a page; its type is written anew."""

TELLING: Final = frozenset(
    {
        "/Metadata", "/PieceInfo", "/LastModified", "/AA", "/OpenAction", "/JavaScript", "/JS", "/EmbeddedFiles", "/EF",
        "/StructParent", "/StructParents", "/OPI", "/Alternates", "/Thumb", "/AF", "/Measure", "/PtData", "/OC",
    }
)  # fmt: skip
"""Taken out of every dictionary below a page."""

OUTSIDE: Final = ("/F", "/FFilter", "/FDecodeParms", "/Ref")
"""Taken out of every stream: they name files elsewhere."""

PROFILED: Final = 2
"""Parts of a colour space that names a profile."""

DEVICE: Final = {1: Name.DeviceGray, 3: Name.DeviceRGB, 4: Name.DeviceCMYK}
"""In place of a colour profile, by its number of colours: profiles tell of a device."""

TOGETHER: Final = frozenset({"/DCTDecode", "/JPXDecode"})
"""Filters whose data are image files of their own."""


class Refused(Exception):
    """The document is not taken; `args[0]` says why, as a code."""


def rebuilt(content: bytes) -> bytes:
    """Return the same pages in a new file.

    Raises:
        Refused: `encrypted`, `broken`, `too-large`, or `unsupported` (an image inside it that cannot be cleaned).
    """
    try:
        with Pdf.open(BytesIO(content), attempt_recovery=False) as source:
            return _written(source)
    except pikepdf.PasswordError:
        raise Refused("encrypted") from None
    except (pikepdf.PdfError, NoJpeg):
        raise Refused("broken") from None


def _written(source: Pdf) -> bytes:
    if source.is_encrypted:
        raise Refused("encrypted")
    if not 0 < len(source.pages) <= MOST_PAGES:
        raise Refused("too-large" if len(source.pages) else "broken")
    if "/AcroForm" in source.Root:
        if "/XFA" in source.Root.AcroForm:
            raise Refused("unsupported")  # a form that only a program shows: its pages would come out empty
        source.generate_appearance_streams()
    source.flatten_annotations("all")
    for page in source.pages:
        page.contents_coalesce()
        _keep_only_what_is_shown(page)
        page.obj.Contents = source.make_stream(_instructions(page))
    # A page leads nowhere but to itself now, so that what is copied into the new file is what it shows.
    made = Pdf.new()
    made.pages.extend(source.pages)
    for page in made.pages:
        _clean_below(page.obj)
    output = BytesIO()
    made.save(
        output,
        fix_metadata_version=False,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        recompress_flate=True,
        deterministic_id=True,
    )
    return output.getvalue()


def _keep_only_what_is_shown(page: Page) -> None:
    for key in list(page.obj.keys()):
        if key not in {*PAGE, "/Type", "/Parent"}:
            del page.obj[key]


def _instructions(drawn: Any) -> bytes:
    """Return what is drawn by a page, or by a part of one, without the comments between."""
    found = pikepdf.parse_content_stream(drawn)
    images = [one.iimage for one in found if isinstance(one, pikepdf.ContentStreamInlineImage)]
    if any({"/DCTDecode", "/DCT"} & set(image.filters) for image in images):
        raise Refused("unsupported")
    return pikepdf.unparse_content_stream(found)


def _clean_below(page: Object) -> None:
    """Clean everything that a page reaches, each object once."""
    seen: set[tuple[int, int]] = set()
    waiting: list[Any] = [page[key] for key in PAGE if key in page]
    visited = 0
    while waiting:
        found = waiting.pop()
        if not isinstance(found, Object) or not isinstance(found, Array | Dictionary | Stream):
            continue
        if found.is_indirect:
            if found.objgen in seen:
                continue
            seen.add(found.objgen)
        visited += 1
        if visited > MOST_OBJECTS:
            raise Refused("too-large")
        waiting += _cleaned(found)


def _cleaned(found: Object) -> Iterator[Any]:
    """Clean one object, and return what it leads to."""
    if isinstance(found, Array):
        _replace_profile(found)
        return iter(list(found))
    for key in TELLING & set(found.keys()):
        del found[key]
    if isinstance(found, Stream):
        for key in OUTSIDE:
            if key in found:
                del found[key]
        _clean_image(found)
        if found.get("/Subtype") == Name.Form or found.get("/PatternType") == 1:
            found.write(_instructions(found))
    for key in list(found.keys()):
        if isinstance(found[key], Array):
            _replace_profile_at(found, key)
    return iter([found[key] for key in found.keys() if key != "/Parent"])  # noqa: SIM118 - an object is no mapping


def _profile(found: Any) -> Name | None:
    """Return what stands for a colour profile, if this is one: `[/ICCBased stream]`."""
    if isinstance(found, Array) and len(found) == PROFILED and found[0] == Name.ICCBased:
        return DEVICE.get(int(found[1].get("/N", 0)))
    return None


def _replace_profile(found: Any) -> None:
    for number, item in enumerate(list(found)):
        if (device := _profile(item)) is not None:
            found[number] = device


def _replace_profile_at(found: Object, key: str) -> None:
    if (device := _profile(found[key])) is not None:
        found[key] = device


def _clean_image(found: Stream) -> None:
    """Take the metadata out of a photograph inside a document, without touching the picture."""
    filters = found.get("/Filter")
    names = {str(one) for one in filters} if isinstance(filters, Array) else {str(filters)}
    if not names & TOGETHER:
        return
    if names != {"/DCTDecode"} or (isinstance(filters, Array) and len(filters) != 1):
        raise Refused("unsupported")
    parameters = found.get("/DecodeParms")
    found.write(
        without_metadata(found.read_raw_bytes()),
        filter=Name.DCTDecode,
        decode_parms=parameters if isinstance(parameters, Dictionary) else None,
    )
