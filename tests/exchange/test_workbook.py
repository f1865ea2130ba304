"""A workbook comes back as it was, whatever Excel did to it in between; a hostile one is refused unopened."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
import xlsxwriter

from api.exchange.rows import Format, RowsRefused, Sheet, read, read_sheet, written
from api.exchange.standard import ROW_ID, fields

Fill = Callable[[Any, Any], None]
NAMES = [ROW_ID, "prs_FirstName", "prs_Birthdate", "prs_MobilePhone", "con_Consent", "prs_NumberOfChildren"]


def book(fill: Fill, **options: Any) -> bytes:
    """Return a workbook as a sender made it by hand."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, **options}) as made:
        fill(made, made.add_worksheet())
    return out.getvalue()


def sheet_of(*lines: list[Any], **options: Any) -> Sheet:
    """Return what is read from a sheet that holds these lines."""

    def fill(made: Any, sheet: Any) -> None:
        day = made.add_format({"num_format": "dd.mm.yyyy"})
        for at, line in enumerate(lines):
            for column, cell in enumerate(line):
                if isinstance(cell, date):
                    sheet.write_datetime(at, column, cell, day)
                elif cell is not None:
                    sheet.write(at, column, cell)

    return read_sheet(book(fill, **options), Format.XLSX)


def test_excels_defects_are_survived() -> None:
    found = sheet_of(
        ["A title that was merged over the table", None],
        [f"{NAMES[0]} ", "prs_First_Name\u00a0", *NAMES[2:]],
        [None, "First Name", "Birthdate", "Mobile Phone"],
        [],
        [7, " Аяна\u00a0", 33305, 996700424242, True, 2],
        [None, None, None],
        ["8", "Бакыт", datetime(1991, 3, 8), "0700 42", False, "3"],  # noqa: DTZ001 - Excel knows no zones
        [9.5, "x", "1991-03-08 00:00:00", "", 1, 0.5],
    )
    names = [ROW_ID, "prs_First_Name", *NAMES[2:]]
    assert found.rows == [
        dict(zip(names, cells, strict=True))
        for cells in (
            ["7", "Аяна", "1991-03-08", "996700424242", "true", "2"],
            ["8", "Бакыт", "1991-03-08", "0700 42", "false", "3"],
            ["9.5", "x", "1991-03-08", "", "1", "0.5"],
        )
    ]
    assert found.doubtful == ("prs_MobilePhone",)


def test_days_that_count_from_1904_are_not_taken_for_others() -> None:
    found = sheet_of(NAMES, ["1", "A", 31843, "", "", ""], ["2", "A", date(1991, 3, 8)], date_1904=True)
    assert [row["prs_Birthdate"] for row in found.rows] == ["31843", "1991-03-08"]


def test_a_number_that_excel_has_cut_is_refused_and_not_quoted() -> None:
    with pytest.raises(RowsRefused) as refused:
        sheet_of([ROW_ID, "prs_IdentityNumber"], ["1", 12345678901234567890])
    assert "prs_IdentityNumber" in str(refused.value)
    assert "1234" not in str(refused.value)


def test_columns_without_a_name_are_left_out_if_empty_and_numbered_if_not() -> None:
    found = sheet_of([ROW_ID, None, "prs_FirstName", None], ["1", None, "A", "a word"])
    assert found.rows == [{ROW_ID: "1", "prs_FirstName": "A", "column 4": "a word"}]


def test_the_sheet_that_names_fields_is_found() -> None:
    def fill(made: Any, sheet: Any) -> None:
        sheet.write(0, 0, "Instructions")
        second = made.add_worksheet()
        for column, name in enumerate([ROW_ID, "prs_FirstName"]):
            second.write(0, column, name)
            second.write(1, column, "A")

    assert read(book(fill), Format.XLSX) == [{ROW_ID: "A", "prs_FirstName": "A"}]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "'=1",
        "@x",
        "-2+3",
        "0700",
        "00720",
        "1E5",
        "TRUE",
        "Өмүр 😀 \U0001f469",
        "a\r\nb\tc",
        "_x000D_",
        "x" * 15_000,
    ],
)
def test_texts_come_back_from_a_workbook_as_they_were(text: str) -> None:
    row = {ROW_ID: "1", "prs_FirstName": text, "prs_MobilePhone": "0700", "prs_Birthdate": "1991-03-08"}
    (back,) = read(written([row], Format.XLSX), Format.XLSX)
    assert {name: back[name] for name in row} == row
    assert set(back) >= set(fields())


def test_every_cell_of_ours_is_text_that_no_program_computes() -> None:
    content = written([{ROW_ID: "1", "prs_FirstName": '=HYPERLINK("x")', "prs_MobilePhone": "0700"}], Format.XLSX)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        texts = parts.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert sheet.count("<c ") == sheet.count('t="s"')
    assert "<t>'=HYPERLINK" in texts


def test_what_names_no_field_is_refused() -> None:
    with pytest.raises(RowsRefused, match="no sheet"):
        sheet_of(["First Name", "Birthdate"], ["A", "B"])


def test_rows_without_an_id_are_refused() -> None:
    with pytest.raises(RowsRefused, match="row 2"):
        sheet_of([ROW_ID, "prs_FirstName"], ["1", "A"], [None, "B"])
