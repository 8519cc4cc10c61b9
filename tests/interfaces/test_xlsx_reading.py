"""A workbook is read as it streams by: what its cells hold, and never what a formula came to."""

import io
import random
import zipfile
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook  # type: ignore[import-untyped] # it has no types

from domain.cells import NoValue
from domain.errors import Invalid
from interfaces.sheets import Sheet, write_xlsx
from interfaces.xlsx_reading import packages, pages, xlsx_tables
from tests.support.workbooks import archive, page, workbook

LIMIT = 2**20
FORMULA = pages.FORMULA


def read(document: bytes, *, limit_bytes: int = LIMIT) -> dict[str, list[list[Any]]]:
    tables = xlsx_tables(io.BytesIO(document), limit_bytes=limit_bytes, setting="LIMIT")
    return {table.name: [list(row.cells) for row in table.rows] for table in tables}


def cells(rows: str, **options: Any) -> list[list[Any]]:
    (found,) = read(workbook(rows, **options)).values()
    return found


def fault(document: bytes, *, limit_bytes: int = LIMIT) -> str:
    with pytest.raises(Invalid) as caught:
        read(document, limit_bytes=limit_bytes)
    return str(caught.value)


def test_what_was_written_is_read() -> None:
    rows = [("Ada", 7.5, None, True), ("=1+1", 0.1, 2**53 - 1, False), ("_x0041_", 8.7, -2, None)]
    file = io.BytesIO()
    write_xlsx(file, [Sheet("Hours", ("a", "b", "c", "d"), rows)], details=[("position", 7)])
    found = read(file.getvalue())
    assert list(found) == ["Hours", "Details"]
    assert found["Hours"] == [
        ["a", "b", "c", "d"],
        ["Ada", Decimal("7.5"), None, True],
        ["=1+1", Decimal("0.1"), 2**53 - 1, False],
        ["_x0041_", Decimal("8.7"), -2],
    ]


def test_texts_that_cells_share_are_read_without_how_they_are_spoken() -> None:
    shared = (
        "<sst><si><t>Ada</t></si><si><r><t>Gra</t></r><r><t>ce</t></r>"
        "<rPh><t>spoken</t></rPh></si><si><t>bell_x0007_</t></si></sst>"
    )
    rows = '<row><c t="s"><v>1</v></c><c t="s"><v>0</v></c><c t="s"><v>2</v></c></row>'
    found = cells(rows, parts={"xl/sharedStrings.xml": shared})
    assert found == [["Grace", "Ada", "bell\x07"]]
    (((dangling,),),) = read(workbook('<row><c t="s"><v>9</v></c></row>')).values()
    assert isinstance(dangling, NoValue)


def test_cells_stand_where_they_say() -> None:
    rows = '<row r="3"><c r="B3"><v>1</v></c><c><v>2</v></c><c r="E3"><v>3</v></c></row>'
    (table,) = xlsx_tables(io.BytesIO(workbook(rows)), limit_bytes=LIMIT, setting="LIMIT")
    assert [(row.number, list(row.cells)) for row in table.rows] == [(3, [None, 1, 2, None, 3])]


def test_prefixes_are_every_program_s_own() -> None:
    sheet = (
        '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<x:sheetData><x:row><x:c t="inlineStr"><x:is><x:t>Ada</x:t></x:is></x:c>'
        "<x:c><x:f>1+1</x:f><x:v>2</x:v></x:c></x:row></x:sheetData></x:worksheet>"
    )
    assert cells("", parts={"xl/worksheet.xml": sheet}) == [["Ada", FORMULA]]


# Numbers and days.


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("8.6999999999999993", Decimal("8.7")),
        ("0.30000000000000004", Decimal("0.3")),
        ("9007199254740991", 2**53 - 1),
        ("1E-05", Decimal("0.00001")),
        ("-7.25", Decimal("-7.25")),
        ("NaN", "NaN"),
        ("7,5", "7,5"),
    ],
)
def test_numbers_are_read_to_fifteen_digits(written: str, read_as: Any) -> None:
    assert cells(f"<row><c><v>{written}</v></c></row>") == [[read_as]]


STYLES = (
    '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="&quot;day&quot; 0.0"/></numFmts><cellStyleXfs><xf '
    'numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf '
    'numFmtId="14"/><xf numFmtId="165"/></cellXfs></styleSheet>'
)


def test_a_number_is_a_day_where_its_style_says_so() -> None:
    values = [("0", "46082"), ("1", "46082"), ("2", "46082"), ("3", "46082"), ("2", "46082.5")]
    row = "".join(f'<c s="{style}"><v>{number}</v></c>' for style, number in values)
    styles = {"xl/styles.xml": STYLES}
    ((plain, custom, known, literal, time),) = cells(f"<row>{row}</row>", parts=styles)
    assert (plain, custom, known, literal) == (46082, date(2026, 3, 1), date(2026, 3, 1), 46082)
    assert "time of day" in time.why
    sooner = '<row><c s="1"><v>44620</v></c></row>'
    assert cells(sooner, parts=styles, book='<workbookPr date1904="1"/>') == [[date(2026, 3, 1)]]


@pytest.mark.parametrize("serial", ["60", "-5", "1e300", "NaN", "9999999"])
def test_a_number_that_is_no_day_is_told(serial: str) -> None:
    row = f'<row><c s="1"><v>{serial}</v></c></row>'
    (((found,),),) = read(workbook(row, parts={"xl/styles.xml": STYLES})).values()
    assert isinstance(found, NoValue)


# Formulas.


def test_what_a_formula_came_to_is_not_taken() -> None:
    file = io.BytesIO()
    book = Workbook(file)
    sheet = book.add_worksheet()
    sheet.write_formula(0, 0, "=1+1", None, 2)
    sheet.write_array_formula("A2:B3", "{=C1:D2}", None, 5)
    sheet.write_number(2, 2, 7)
    book.close()
    assert read(file.getvalue()) == {
        "Sheet1": [[FORMULA], [FORMULA, FORMULA], [FORMULA, FORMULA, 7]]
    }


def test_a_shared_formula_stands_in_each_of_its_cells() -> None:
    rows = (
        '<row r="1"><c r="A1"><f t="shared" ref="A1:A2" si="0">B1</f><v>1</v></c></row>'
        '<row r="2"><c r="A2"><f t="shared" si="0"/><v>2</v></c></row>'
    )
    assert cells(rows) == [[FORMULA], [FORMULA]]


def test_an_area_s_results_would_be_taken_if_it_were_not_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control of the area above: its other cells look like values."""
    rows = (
        '<row r="1"><c r="A1"><f t="array" ref="A1:B1">C1:D1</f><v>5</v></c>'
        '<c r="B1"><v>5</v></c></row>'
    )
    assert cells(rows) == [[FORMULA, FORMULA]]
    monkeypatch.setattr(pages.Page, "_in_area", lambda _: False)
    assert cells(rows) == [[FORMULA, 5]]


# What is no workbook, or one that does harm.


def test_what_is_no_workbook_is_told() -> None:
    assert "no workbook: File is not a zip file" in fault(b"id,person_id\n1,17\n")
    assert "encrypted, or of before 2007" in fault(b"\xd0\xcf\x11\xe0" + bytes(600))
    assert "no workbook: it has no part" in fault(archive({"hello.txt": "hello"}))
    assert "a damaged workbook: not well-formed" in fault(workbook("<row><c>"[:-1]))
    whole = workbook("<row/>" * 1_000)
    assert "no workbook" in fault(whole[: len(whole) // 2])


def test_an_encrypted_archive_is_told() -> None:
    document = bytearray(workbook("<row/>"))
    at = document.find(b"PK\x01\x02")
    document[at + 8] |= 1
    assert "without a password" in fault(bytes(document))


def test_an_archive_that_swells_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = workbook("<row/>" * 200_000)
    assert len(document) < 2**14
    assert len(read(document, limit_bytes=2**21)["assignments"]) == 200_000

    def unpacked(*_: object) -> None:
        raise AssertionError("a part was read")

    monkeypatch.setattr(packages.Package, "chunks", unpacked)
    told = fault(document)
    assert "bytes unpacked, at most 1048576 are allowed (LIMIT)" in told


def test_a_part_that_lies_about_its_size_is_read_no_further() -> None:
    """A part says that it is small: no more of it is unpacked than that, and it is damaged."""
    document = bytearray(workbook("<row/>" * 200_000))
    with zipfile.ZipFile(io.BytesIO(document)) as written:
        info = written.getinfo("xl/worksheet.xml")
    for size in (info.file_size.to_bytes(4, "little"),):
        while (at := document.find(size)) >= 0:
            document[at : at + 4] = (1_000).to_bytes(4, "little")
    assert "Bad CRC-32" in fault(bytes(document))


def test_a_document_type_is_refused() -> None:
    """So no text can stand for very much text."""
    lol = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>' + page('<row><c t="str"><v>&a;</v></c></row>')
    assert "document type of its own" in fault(workbook("", parts={"xl/worksheet.xml": lol}))


def test_a_cell_far_away_costs_nothing() -> None:
    """A reader that makes room for all cells between would ask for half a terabyte."""
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c>'
    found = cells(f"{rows}</row>")
    assert [len(row) for row in found] == [1, 16_384]


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="2"/><row r="2"/>',
        '<row r="0"/>',
        '<row r="1048577"/>',
        '<row r="x"/>',
        '<row><c r="XFE1"/></row>',
        '<row><c r="B1"/><c r="A1"/></row>',
        '<row><c r="1"/></row>',
        '<row><c t="str"><v>' + "x" * 40_000 + "</v></c></row>",
        '<row><c><f t="array" ref="nowhere">1</f></c></row>',
    ],
)
def test_a_sheet_that_cannot_be_is_refused(rows: str) -> None:
    assert fault(workbook(rows))


def test_errors_and_unknown_kinds_are_no_values() -> None:
    ((error, unknown),) = cells('<row><c t="e"><v>#N/A</v></c><c t="zz"><v>1</v></c></row>')
    assert error.why == "found the error '#N/A'"
    assert "unknown kind 'zz'" in unknown.why


WHOLE = workbook('<row><c><v>7.5</v></c><c t="str"><v>Ada</v></c></row>' * 3)


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_damage_is_told_and_nothing_else_happens(chance: random.Random) -> None:
    document = bytearray(WHOLE)
    for _ in range(chance.randint(1, 8)):
        document[chance.randrange(len(document))] = chance.randrange(256)
    try:
        read(bytes(document))
    except Invalid as error:
        assert error.faults


# As another reader has it.


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"))),
            st.integers(-(10**9), 10**9),
            st.integers(0, 10**7).map(lambda units: units / 10_000),
            st.booleans(),
        )
    )
)
def test_another_reader_reads_the_same(rows: list[Any]) -> None:
    file = io.BytesIO()
    write_xlsx(file, [Sheet("Hours", ("a", "b", "c", "d"), rows)])
    file.seek(0)
    theirs = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()
    ours = read(file.getvalue())["Hours"]
    for our, their in zip(ours[1:], theirs[1:], strict=True):
        name, whole, hours, flag = our
        assert (name or "", whole, flag) == (their[0], their[1], their[3])
        assert float(hours) == pytest.approx(their[2], rel=1e-15)
