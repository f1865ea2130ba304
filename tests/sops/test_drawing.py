"""A procedure as a picture: whole, per role, in words as well, and always the same bytes."""

from xml.etree import ElementTree as ET

import pytest

from domain.codes import Language, Role
from domain.workflow.catalogue import Catalogue
from domain.workflow.drawing import Arrow, arrows, mermaid, picture, svg
from domain.workflow.sop import Sop, Track
from domain.workflow.wording import Wording

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def stay(catalogue: Catalogue) -> Sop:
    return catalogue.sop("kg-shelter-stay", "1.0.0")


@pytest.mark.parametrize("language", list(Language))
def test_every_step_of_every_procedure_is_drawn_once(catalogue: Catalogue, language: Language) -> None:
    for sop in catalogue.sops.values():
        drawn = picture(Wording(sop, catalogue, language))
        root = ET.fromstring(svg(drawn))  # noqa: S314  our own text
        assert [group.get("id") for group in root.iter(f"{SVG}g")] == [step.key for step in sop.steps]
        assert [text.text for text in root.iter(f"{SVG}title")] == [drawn.title]
        assert all(step.title[language] in (root.findtext(f"{SVG}desc") or "") for step in sop.steps)
        flow = mermaid(drawn)
        assert all(f'    s{number}["{number}. ' in flow for number in range(1, len(sop.steps) + 1))


def test_no_box_covers_another(catalogue: Catalogue) -> None:
    for sop in catalogue.sops.values():
        root = ET.fromstring(svg(picture(Wording(sop, catalogue, Language.RUSSIAN))))  # noqa: S314  our own text
        frames = [
            tuple(int(group.find(f"{SVG}rect").get(name)) for name in ("x", "y", "width", "height"))  # type: ignore[union-attr, arg-type]
            for group in root.iter(f"{SVG}g")
        ]
        for number, (x, y, width, height) in enumerate(frames):
            for other_x, other_y, *_ in frames[number + 1 :]:
                assert not (x <= other_x < x + width and y <= other_y < y + height)
        assert max(x + width for x, _, width, _ in frames) < int(root.get("width", "0"))


def test_the_picture_needs_nothing_beside_itself_and_no_colour(catalogue: Catalogue, stay: Sop) -> None:
    drawn = svg(picture(Wording(stay, catalogue, Language.ENGLISH)))
    assert drawn.count("http") == 1
    assert {part.split('"')[0] for part in drawn.split('fill="')[1:]} == {"#000", "#fff", "none"}
    assert {part.split('"')[0] for part in drawn.split('stroke="')[1:]} == {"#000"}
    assert "Dashed frame: possible, not required" in drawn
    assert drawn == svg(picture(Wording(stay, catalogue, Language.ENGLISH)))


def test_a_role_sees_its_own_steps_under_the_numbers_of_the_whole(catalogue: Catalogue) -> None:
    sop = catalogue.sop("kg-law-enforcement-proceedings", "1.0.0")
    drawn = picture(Wording(sop, catalogue, Language.ENGLISH), Role.POLICE_OFFICER)
    own = [step.key for step in sop.steps if Role.POLICE_OFFICER in step.responsible]
    assert [box.key for box in drawn.boxes] == own
    assert [sop.steps[box.number - 1].key for box in drawn.boxes] == own
    assert drawn.title.endswith("For: Police officer")
    assert {key for arrow in drawn.arrows for key in (arrow.origin, arrow.target)} <= set(own)


def test_a_role_without_steps_gets_an_empty_picture(catalogue: Catalogue, stay: Sop) -> None:
    drawn = picture(Wording(stay, catalogue, Language.ENGLISH), Role.MONITORING_STAFF)
    assert (drawn.boxes, drawn.arrows, drawn.lanes) == ((), (), ())
    assert svg(drawn).endswith("</svg>\n")


def test_arrows_tell_what_must_come_first_and_what_may_lead_to_what(catalogue: Catalogue, stay: Sop) -> None:
    found = set(arrows(catalogue.sop("kg-social-rehabilitation", "1.0.0")))
    assert Arrow("assess-needs", "draft-plan", must=True) in found
    assert Arrow("agree-plan", "put-to-commission", must=False) in found
    assert Arrow("close-rehabilitation", "take-up-again", must=False) in found
    assert not [arrow for arrow in found if arrow.target == "refer-for-services"]
    assert Arrow("decide-admission", "refer-to-another-shelter", must=False) in set(arrows(stay))


def test_text_cannot_break_out_of_the_picture(catalogue: Catalogue, stay: Sop) -> None:
    first = stay.steps[0].model_copy(update={"title": dict.fromkeys(Language, '</text>"] & <b> #')})
    altered = stay.model_copy(update={"steps": (first, *stay.steps[1:])})
    altered.__dict__.pop("by_key", None)
    drawn = picture(Wording(altered, catalogue, Language.ENGLISH))
    assert drawn.boxes[0].track is Track.EMERGENCY
    ET.fromstring(svg(drawn))  # noqa: S314  our own text
    assert 's1["1. #lt;/text#gt;#quot;] #amp; #lt;b#gt; #35;<br/>' in mermaid(drawn)
