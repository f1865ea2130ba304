"""A procedure as a picture, for everybody or for one role: Mermaid text, or an SVG that needs nothing beside itself.

The same procedure gives the same bytes. Nothing is said by colour: frames and arrows differ by their lines, and a
legend in words says how.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from domain.codes import Role
from domain.workflow.conditions import All, AnyOf, Condition, In, Is, Not, named_values, negated
from domain.workflow.facts import DONE
from domain.workflow.sop import Sop, Step, Track
from domain.workflow.wording import Wording

_BOX, _GAP, _LINE, _ROW_GAP, _TOP, _MARGIN = 250, 40, 17, 44, 96, 20
_WRAP = 33
_ENTITIES = str.maketrans({'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "\n": " "})
_HEAD = """<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0L10 5L0 10z"/></marker></defs>"""
_DASHES = {"duty": "", "possible": "8 5", "after_end": "2 4"}


@dataclass(frozen=True, slots=True)
class Box:
    """One step in the picture.

    Attributes:
        number: Its place in the whole procedure, whatever is left out of the picture.
        key: Of the step.
        track: The lane that it stands in.
        kind: `duty`, `possible` or `after_end`: how it is framed.
        title: What it is called.
        lines: Who does it and by when.
    """

    number: int
    key: str
    track: Track
    kind: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one step to another: it must come first, or may lead to it."""

    origin: str
    target: str
    must: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn, before it is decided how."""

    title: str
    description: str
    lanes: tuple[tuple[Track, str], ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    legend: tuple[str, ...]
    language: str


def picture(wording: Wording, role: Role | None = None) -> Picture:
    """Choose what to draw.

    Args:
        wording: The procedure, in the reader's language.
        role: Only the steps that this role may take; without it, all.
    """
    sop, say = wording.sop, wording.say
    drawn = [step for step in sop.steps if role is None or role in step.responsible]
    keys = {step.key for step in drawn}
    numbers = {step.key: number for number, step in enumerate(sop.steps, start=1)}
    title = f"{sop.title[wording.language]} ({sop.sop} {sop.version})"
    if role is not None:
        title += f" – {say('draw_for', role=wording.codes('Role', role))}"
    boxes = tuple(_box(wording, step, numbers) for step in drawn)
    return Picture(
        title=title,
        description="; ".join(f"{box.number}. {box.title}" for box in boxes),
        lanes=tuple((track, say(f"track_{track}")) for track in Track if any(box.track == track for box in boxes)),
        boxes=boxes,
        arrows=tuple(arrow for arrow in arrows(sop) if {arrow.origin, arrow.target} <= keys),
        legend=tuple(say(f"draw_{part}") for part in ("duty", "possible", "after_end", "arrows")),
        language=wording.language,
    )


def _box(wording: Wording, step: Step, numbers: dict[str, int]) -> Box:
    lines = [wording.say("show_responsible", text=wording.codes("Role", *step.responsible))]
    if step.deadline:
        told = wording.codes("Role", *(escalation.escalate for escalation in step.deadline.on_breach))
        lines.append(wording.say("show_due", text=wording.length(step.deadline.within), role=told))
    if step.after:
        lines.append(wording.say("show_after", text=", ".join(str(numbers[key]) for key in step.after)))
    kind = "after_end" if step.after_end else "possible" if step.optional else "duty"
    return Box(numbers[step.key], step.key, step.track, kind, step.title[wording.language], tuple(lines))


def arrows(sop: Sop) -> Iterator[Arrow]:
    """Which step must come before which, and which may lead to which by what it records."""
    for target in sop.steps:
        wanted = dict.fromkeys(_wanted(target.when))
        if target.after_end:
            wanted[sop.vocabulary.ended] = None
        for origin in sop.steps:
            if origin.key in target.after:
                yield Arrow(origin.key, target.key, must=True)
            elif origin is not target and any(pair in wanted for pair in _recorded(sop, origin)):
                yield Arrow(origin.key, target.key, must=False)


def _recorded(sop: Sop, step: Step) -> Iterator[tuple[str, str]]:
    if step.done is None:
        yield DONE + step.key, "yes"
    for recorded in step.records:
        yield from ((recorded.fact, value) for value in recorded.to if value != sop.initial[recorded.fact])


def _wanted(condition: Condition) -> Iterator[tuple[str, str]]:
    """The values that a condition asks for; what it only forbids leads to nothing."""
    match condition:
        case All(all=parts) | AnyOf(any=parts):
            for part in parts:
                yield from _wanted(part)
        case Not(not_=(All() | AnyOf() | Not()) as inner):
            yield from _wanted(negated(inner))
        case Is() | In():
            yield from ((condition.fact, value) for value in named_values(condition))
        case _:
            return


def mermaid(drawn: Picture) -> str:
    """The picture as the text of a Mermaid flowchart."""
    lines = ["flowchart TD", f"  accTitle: {_plain(drawn.title)}", f"  accDescr: {_plain(drawn.description)}"]
    for track, label in drawn.lanes:
        lines.append(f'  subgraph {track}["{_plain(label)}"]')
        for box in drawn.boxes:
            if box.track == track:
                text = "<br/>".join(_plain(part) for part in (f"{box.number}. {box.title}", *box.lines))
                lines.append(f'    s{box.number}["{text}"]')
        lines.append("  end")
    numbers = {box.key: box.number for box in drawn.boxes}
    lines += [
        f"  s{numbers[arrow.origin]} {'-->' if arrow.must else '-.->'} s{numbers[arrow.target]}"
        for arrow in drawn.arrows
    ]
    for kind, dashes in _DASHES.items():
        if named := [f"s{box.number}" for box in drawn.boxes if box.kind == kind]:
            lines.append(f"  classDef {kind} fill:#fff,stroke:#000,color:#000,stroke-dasharray:{dashes or '0'}")
            lines.append(f"  class {','.join(named)} {kind}")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that Mermaid cannot take for anything else."""
    return text.translate(_ENTITIES)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a box stands, and the lines in it."""

    x: int
    y: int
    height: int
    text: tuple[str, ...]
    titles: int


def _places(drawn: Picture) -> dict[str, _Place]:
    """Each box in the lane of its track, below every box drawn before it that leads to it."""
    lanes = {track: number for number, (track, _) in enumerate(drawn.lanes)}
    free = dict.fromkeys(lanes, _TOP)
    places: dict[str, _Place] = {}
    for box in drawn.boxes:
        title = textwrap.wrap(f"{box.number}. {box.title}", _WRAP - 3)
        text = (*title, *(line for part in box.lines for line in textwrap.wrap(part, _WRAP)))
        above = [
            places[arrow.origin].y + places[arrow.origin].height + _ROW_GAP
            for arrow in drawn.arrows
            if arrow.target == box.key and arrow.origin in places and arrow.must
        ]
        y, height = max([free[box.track], *above]), len(text) * _LINE + 16
        places[box.key] = _Place(_MARGIN + lanes[box.track] * (_BOX + _GAP), y, height, text, len(title))
        free[box.track] = y + height + _ROW_GAP
    return places


def svg(drawn: Picture) -> str:
    """The picture as an SVG with a title and a description for readers who do not see it."""
    places = _places(drawn)
    legend = [line for part in drawn.legend for line in textwrap.wrap(part, 90)]
    width = max(2 * _MARGIN + max(1, len(drawn.lanes)) * (_BOX + _GAP) - _GAP, 720)
    bottom = max((place.y + place.height for place in places.values()), default=_TOP)
    height = bottom + 2 * _MARGIN + len(legend) * _LINE
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    spoken = f'role="img" aria-labelledby="title description" lang="{drawn.language}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {spoken} font-family="sans-serif" font-size="13" fill="#000">',
        f'<title id="title">{escape(drawn.title)}</title>',
        f'<desc id="description">{escape(drawn.description)}</desc>',
        _HEAD,
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    heading = textwrap.wrap(drawn.title, width // 9)
    parts += [_text(_MARGIN, 28 + 20 * row, line, bold=True, size=16) for row, line in enumerate(heading[:2])]
    for lane, (_, label) in enumerate(drawn.lanes):
        parts.append(_text(_MARGIN + lane * (_BOX + _GAP), _TOP - 16, label, bold=True))
    parts += [_arrow(places[arrow.origin], places[arrow.target], must=arrow.must) for arrow in drawn.arrows]
    parts += [_drawn_box(box, places[box.key]) for box in drawn.boxes]
    parts += [_text(_MARGIN, bottom + 2 * _MARGIN + row * _LINE, line) for row, line in enumerate(legend)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _drawn_box(box: Box, place: _Place) -> str:
    dashes = f' stroke-dasharray="{_DASHES[box.kind]}"' if _DASHES[box.kind] else ""
    frame = (
        f'<rect x="{place.x}" y="{place.y}" width="{_BOX}" height="{place.height}" rx="4" fill="#fff" stroke="#000" '
        f'stroke-width="2"{dashes}/>'
    )
    rows = (
        _text(place.x + 8, place.y + 20 + row * _LINE, line, bold=row < place.titles)
        for row, line in enumerate(place.text)
    )
    return "\n".join([f'<g id="{box.key}">', frame, *rows, "</g>"])


def _text(x: int, y: int, text: str, *, bold: bool = False, size: int = 13) -> str:
    style = (' font-weight="bold"' if bold else "") + (f' font-size="{size}"' if size != 13 else "")  # noqa: PLR2004
    return f'<text x="{x}" y="{y}"{style}>{escape(text)}</text>'


def _arrow(origin: _Place, target: _Place, *, must: bool) -> str:
    """Down within a lane along its left edge, otherwise from side to side."""
    start_y, end_y = origin.y + origin.height // 2, target.y + target.height // 2
    if origin.x == target.x:
        left = origin.x - 16
        path = f"M{origin.x} {start_y}C{left} {start_y} {left} {end_y} {target.x} {end_y}"
    else:
        right = origin.x < target.x
        start_x, end_x = (origin.x + _BOX, target.x) if right else (origin.x, target.x + _BOX)
        middle = (start_x + end_x) // 2
        path = f"M{start_x} {start_y}C{middle} {start_y} {middle} {end_y} {end_x} {end_y}"
    dashes = "" if must else ' stroke-dasharray="4 4"'
    return f'<path d="{path}" fill="none" stroke="#000" stroke-width="1"{dashes} marker-end="url(#head)"/>'
