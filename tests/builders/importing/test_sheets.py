"""Spreadsheets: cells come out as people see them, and numbers as they are."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
import xlsxwriter

from builders.importing.errors import FileRefused
from builders.importing.files import open_table
from builders.importing.layout import Layout
from tests.builders.importing.written import FIRMS, HEADER, ods, ods_row, rows, xlsx

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")


def test_firms_of_an_xlsx_come_out_as_they_went_in(tmp_path):
    with open_table(xlsx(tmp_path / "firms.xlsx", {"Firms": [HEADER, *FIRMS]}), "firms.xlsx") as table:
        assert (table.layout.kind, table.layout.sheet, table.layout.header_row) == ("xlsx", "Firms", 1)
        assert (table.header, rows(table), table.total) == (HEADER, FIRMS, len(FIRMS) + 1)


def test_format_is_told_by_the_content_and_not_by_the_name(tmp_path):
    with open_table(xlsx(tmp_path / "firms", {"Firms": [HEADER, *FIRMS]}), "firms.csv") as table:
        assert (table.layout.kind, rows(table)) == ("xlsx", FIRMS)


def test_numbers_are_not_mangled(tmp_path):
    values = [492115550101, 4.92e11, 1.5, 0.1 + 0.2, 1067, -3, 1e-7, 0, 12345678901234567890]
    shown = ["492115550101", "492000000000", "1.5", "0.3", "1067", "-3", "0.0000001", "0", "1.23456789012346E+19"]
    path = xlsx(tmp_path / "firms.xlsx", {"Firms": [["Name", "Phone"], *([f"Firm {v}", v] for v in values)]})
    with open_table(path, "firms.xlsx") as table:
        assert [cells[1] for cells in rows(table)] == shown


def test_dates_times_and_truth_are_text(tmp_path):
    moment = dt.datetime(2026, 5, 1, 9, 30)  # noqa: DTZ001 -- spreadsheets know no zones
    path = tmp_path / "firms.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        formats = {
            name: book.add_format({"num_format": name}) for name in ("d.m.yyyy", "d.m.yyyy hh:mm", "hh:mm", "[hh]:mm")
        }
        sheet.write_row(0, 0, ["Name", "Established", "Updated", "Opens", "Hours", "Verified"])
        sheet.write(1, 0, "Acme")
        sheet.write_datetime(1, 1, dt.datetime(2026, 5, 1), formats["d.m.yyyy"])  # noqa: DTZ001
        sheet.write_datetime(1, 2, moment, formats["d.m.yyyy hh:mm"])
        sheet.write_datetime(1, 3, dt.time(9, 30), formats["hh:mm"])
        sheet.write_number(1, 4, 1.5, formats["[hh]:mm"])
        sheet.write_boolean(1, 5, True)
    with open_table(path, path.name) as table:
        assert rows(table) == [["Acme", "2026-05-01", "2026-05-01 09:30:00", "09:30", "36:00", "TRUE"]]


def test_text_that_looks_like_a_number_stays_text(tmp_path):
    firm = ["Acme", "0049211", "01067", "4.92E+11", "1,5"]
    path = tmp_path / "firms.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Name", "Phone", "Zip", "Mobile", "Rating"])
        for column, value in enumerate(firm):
            sheet.write_string(1, column, value)
    with open_table(path, path.name) as table:
        assert rows(table) == [firm]


def test_titles_and_empty_rows_and_columns_are_counted_as_the_spreadsheet_does(tmp_path):
    lines = [[], ["", "Our exhibitors"], [], ["", *HEADER], *([["", *firm] for firm in FIRMS[:2]]), [], ["", *FIRMS[2]]]
    with open_table(xlsx(tmp_path / "firms.xlsx", {"Firms": lines}), "firms.xlsx") as table:
        assert (table.layout.header_row, table.header) == (4, HEADER)
        assert list(table.rows()) == [(5, FIRMS[0]), (6, FIRMS[1]), (8, FIRMS[2])]


def test_first_sheet_with_a_table_is_read_and_the_others_are_named(tmp_path):
    path = tmp_path / "firms.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("Empty")
        book.add_worksheet("Read me").write(0, 0, "Thank you")
        hidden = book.add_worksheet("Hidden")
        hidden.hide()
        for name in ("Hidden", "Firms", "Old"):
            sheet = hidden if name == "Hidden" else book.add_worksheet(name)
            sheet.write_row(0, 0, ["Name", "City"])
            sheet.write_row(1, 0, [name, "Graz"])
    with open_table(path, path.name) as table:
        assert (table.layout.sheet, rows(table)) == ("Firms", [["Firms", "Graz"]])
        assert table.layout.sheets == ["Empty", "Read me", "Hidden", "Firms", "Old"]
    with open_table(path, path.name, layout=Layout(sheet="Old")) as table:
        assert rows(table) == [["Old", "Graz"]]
    with pytest.raises(FileRefused) as refusal:
        open_table(path, path.name, layout=Layout(sheet="New"))
    assert refusal.value.code == "no_such_sheet"


def test_sheet_with_known_names_goes_before_what_only_looks_like_a_table(tmp_path):
    notes = [["Exported", "1 May"], ["Contact", "office@fair.example"], ["Rows", "2"]]
    path = xlsx(tmp_path / "firms.xlsx", {"Read me": notes, "Firms": [["A list"], HEADER, *FIRMS]})
    with open_table(path, path.name) as table:
        assert (table.layout.sheet, rows(table)) == ("Firms", FIRMS)
    with open_table(xlsx(path, {"Notes": notes, "Wide": [["x"] * 1001] * 2}), path.name) as table:
        assert table.layout.sheet == "Notes"


def test_ods_is_read(tmp_path):
    names = [[value.replace("&", "&amp;") for value in firm] for firm in FIRMS]
    cells = "".join(map(ods_row, [HEADER, *names, ["Acme", "a@acme.example", 492115550101.0, "Graz", "Austria"]]))
    with open_table(ods(tmp_path / "firms.ods", cells), "firms.ods") as table:
        assert (table.layout.kind, table.layout.sheet, table.header) == ("ods", "Firms", HEADER)
        assert rows(table) == [*FIRMS, ["Acme", "a@acme.example", "492115550101", "Graz", "Austria"]]


def test_ods_with_repeated_rows_keeps_its_numbers(tmp_path):
    gap = '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>'
    cells = ods_row(["Name", "City"]) + gap + ods_row(["Acme", "Graz"])
    with open_table(ods(tmp_path / "firms.ods", cells), "firms.ods") as table:
        assert list(table.rows()) == [(5, ["Acme", "Graz"])]


def test_reading_goes_on_behind_a_row_also_side_by_side(tmp_path):
    with open_table(xlsx(tmp_path / "firms.xlsx", {"Firms": [HEADER, *FIRMS]}), "firms.xlsx") as table:
        everything = list(table.rows())
        assert list(table.rows(after=4)) == everything[3:]
        assert list(zip(table.rows(), table.rows(), strict=True)) == [(row, row) for row in everything]


def test_layout_that_was_found_reads_the_same_again(tmp_path):
    path = xlsx(tmp_path / "firms.xlsx", {"One": [["x"]], "Two": [["A list"], HEADER, *FIRMS]})
    with open_table(path, path.name) as table:
        stored = msgspec.convert(msgspec.to_builtins(table.layout), Layout)
        with open_table(path, path.name, layout=stored) as again:
            assert (again.layout, rows(again)) == (table.layout, rows(table))


def test_misread_text_is_offered_for_repair(tmp_path):
    path = xlsx(tmp_path / "firms.xlsx", {"Firms": [["Name", "City"], ["CONEXÃO", "MÃ¼nchen"]]})
    with open_table(path, path.name) as table:
        assert [(repair.column, repair.after) for repair in table.layout.repairs] == [("City", "München")]
        assert rows(table) == [["CONEXÃO", "MÃ¼nchen"]]


def test_what_lies_on_disk_is_given_back(tmp_path):
    table = open_table(xlsx(tmp_path / "firms.xlsx", {"Firms": [HEADER, *FIRMS]}), "firms.xlsx")
    table.close()
    with pytest.raises(ValueError, match="closed file"):
        list(table.rows())
