"""Pictures and documents for tests, bare or full of what must not go on. Everybody in them is made up."""

import zipfile
from io import BytesIO
from typing import Any

import pikepdf
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

ORIENTATION, MAKER, ARTIST, PLACE = 0x0112, 0x010F, 0x013B, 0x8825


BINARY = "application/octet-stream"


def carried(body: Any, headers: dict[str, str]) -> dict[str, Any]:
    """Return what a client sends: bytes as they are, everything else as JSON."""
    if isinstance(body, bytes):
        return {"content": body, "headers": {"Content-Type": BINARY, **headers}}
    return {"json": body, "headers": headers}


def drawn(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """Return a picture of which every corner can be told from the others."""
    made = Image.new("RGB", size, "white")
    ImageDraw.Draw(made).rectangle((0, 0, size[0] // 2, size[1] // 2), fill="red")
    ImageDraw.Draw(made).rectangle((size[0] // 2, 0, *size), fill="blue")
    return made.convert(mode)


def picture(size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a small PNG without metadata."""
    return encoded(drawn(size), "PNG")


def noise(size: tuple[int, int]) -> bytes:
    """Return a PNG that cannot be made small."""
    return encoded(Image.effect_noise(size, 90), "PNG")


def encoded(made: Image.Image, kind: str, **more: Any) -> bytes:
    """Return a picture as a file."""
    output = BytesIO()
    made.save(output, kind, **more)
    return output.getvalue()


def archive(word: str) -> bytes:
    """Return a zip archive, whose members and comment hold a word."""
    output = BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as made:
        made.writestr(f"{word}.txt", word)
        made.comment = word.encode()
    return output.getvalue()


def exif(word: str, orientation: int = 1) -> bytes:
    """Return the notes of a camera: who, with what, and where."""
    notes = Image.Exif()
    notes[MAKER], notes[ARTIST], notes[ORIENTATION] = word, word, orientation
    notes.get_ifd(PLACE).update({1: "N", 2: (42.0, 52.0, 30.0), 3: "E", 4: (74.0, 36.0, 15.0), 29: word})
    return notes.tobytes()


def xmp(word: str) -> bytes:
    """Return a packet of XMP that names an author."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="{word}"/></rdf:RDF></x:xmpmeta>'
    ).encode()


def telling_jpeg(word: str, orientation: int = 1) -> bytes:
    """Return a JPEG that tells a word wherever one can: EXIF, GPS, XMP, ICC, comment, thumbnail, behind its end."""
    made = encoded(
        drawn(),
        "JPEG",
        quality=95,
        exif=exif(word, orientation),
        xmp=xmp(word),
        icc_profile=word.encode() * 40,
        comment=word.encode(),
    )
    segment = word.encode() * 3
    photoshop = b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment
    return made[:2] + photoshop + made[2:] + archive(word)


def telling_png(word: str) -> bytes:
    """Return a PNG that tells a word in text, EXIF, XMP, a colour profile and behind its end."""
    notes = PngInfo()
    notes.add_text("Author", word)
    notes.add_text("Comment", word, zip=True)
    notes.add_itxt("XML:com.adobe.xmp", xmp(word).decode(), "en", "xmp")
    notes.add(b"prVt", word.encode(), after_idat=True)
    made = encoded(drawn(), "PNG", pnginfo=notes, exif=exif(word), icc_profile=word.encode() * 40)
    return made + archive(word)


def page_of(document: pikepdf.Pdf, contents: bytes, **more: Any) -> pikepdf.Page:
    """Add a page with one font and what is drawn on it."""
    font = document.make_indirect(
        pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    )
    made = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=[0, 0, 300, 200],
        Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font)),
        Contents=document.make_stream(contents),
        **more,
    )
    document.pages.append(pikepdf.Page(document.make_indirect(made)))
    return document.pages[-1]


def text(shown: str) -> bytes:
    """Return instructions that write a line."""
    return f"BT /F1 14 Tf 20 150 Td ({shown}) Tj ET\n".encode()


def saved(document: pikepdf.Pdf, **more: Any) -> bytes:
    """Return a document as a file."""
    output = BytesIO()
    document.save(output, **more)
    return output.getvalue()


def plain_pdf(shown: str = "A fictional form") -> bytes:
    """Return a document of one page."""
    document = pikepdf.new()
    page_of(document, text(shown))
    return saved(document)


def updated(content: bytes, drawn_now: bytes) -> bytes:
    """Return a document with another first page appended, as editors do: the page that it was stays in the file."""
    with pikepdf.open(BytesIO(content)) as document:
        number, _ = document.pages[0].Contents.objgen
        root, _ = document.Root.objgen
        size = int(document.trailer["/Size"])
    before = int(content.rpartition(b"startxref")[2].split()[0])
    stream = b"%d 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (number, len(drawn_now), drawn_now)
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root %d 0 R /Prev %d >>\n" % (
        number,
        len(content),
        size,
        root,
        before,
    )
    return content + stream + table + b"startxref\n%d\n%%%%EOF\n" % (len(content) + len(stream))


def telling_pdf(word: str, shown: str = "A fictional form") -> bytes:
    """Return a document that tells a word in every corner, and shows another."""
    document = pikepdf.new()
    page = page_of(
        document,
        f"% {word}\n".encode() + text(shown) + b"q 40 0 0 30 20 20 cm /Photo Do Q /Group Do\n",
        AA=pikepdf.Dictionary(O=pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=word)),
        PieceInfo=pikepdf.Dictionary(Word=pikepdf.Dictionary(Private=pikepdf.String(word))),
        LastModified=pikepdf.String(word),
        Thumb=document.make_stream(word.encode() * 4, Width=4, Height=1, BitsPerComponent=8),
        Metadata=document.make_stream(xmp(word)),
    )
    photograph = document.make_stream(
        telling_jpeg(word).partition(b"PK\x03\x04")[0],
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=64,
        Height=48,
        BitsPerComponent=8,
        ColorSpace=pikepdf.Array([pikepdf.Name.ICCBased, document.make_stream(word.encode() * 40, N=3)]),
        Filter=pikepdf.Name.DCTDecode,
        Metadata=document.make_stream(xmp(word)),
    )
    drawing = document.make_stream(
        f"% {word}\n0 0 m 9 9 l S\n".encode(),
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=[0, 0, 10, 10],
        PieceInfo=pikepdf.Dictionary(Private=pikepdf.String(word)),
    )
    page.obj.Resources.XObject = pikepdf.Dictionary(Photo=photograph, Group=drawing)
    page.obj.Annots = document.make_indirect(pikepdf.Array(_annotations(document, word)))
    with document.open_metadata() as metadata:
        metadata["dc:creator"] = [word]
    document.docinfo["/Author"], document.docinfo["/Title"] = word, word
    document.attachments[f"{word}.txt"] = word.encode()
    document.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=word)
    with document.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(word, 0))
    # An update behind the end leaves what stood there before: here, an earlier version of everything.
    return saved(document) + archive(word)


def _annotations(document: pikepdf.Pdf, word: str) -> list[pikepdf.Object]:
    note = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Text, Rect=[0, 0, 9, 9], T=word, Contents=word, NM=word
    )
    link = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Link,
        Rect=[0, 0, 99, 99],
        A=pikepdf.Dictionary(S=pikepdf.Name.URI, URI=f"https://{word}.example/"),
    )
    return [document.make_indirect(one) for one in (note, link)]


def bomb_png(side: int) -> bytes:
    """Return a small PNG of very many pixels."""
    return encoded(Image.new("1", (side, side)), "PNG")
