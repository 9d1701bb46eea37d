"""Text tables as people have them: every encoding, delimiter and accident comes out as the same cells."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.importing import csv_files, dialects, limits
from builders.importing.errors import FileRefused
from builders.importing.files import open_table
from builders.importing.layout import Layout
from builders.importing.mojibake import repaired
from tests.builders.importing.written import FIRMS, HEADER, csv_text, opened, rows

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")

SIMPLE = "Company Name,Email,City\nAcme,info@acme.example,Berlin\n"
WESTERN = [FIRMS[0], FIRMS[1], FIRMS[2], ["Åse Tømrer AS", "post@ase.example", "+47 22 55 01 10", "Tromsø", "Norway"]]
POLISH = [
    FIRMS[3],
    ["Zabudowa Targów", "a@zabudowa.example", "+48 61 555 01 11", "Poznań", "Polska"],
    ["Świąteczne Wystawy", "b@wystawy.example", "+48 12 555 01 12", "Kraków", "Polska"],
    ["Stavby Příkopě s.r.o.", "c@stavby.example", "+420 2 5550 1113", "Plzeň", "Česko"],
    ["Kiállítás Építő Kft.", "d@epito.example", "+36 1 555 0114", "Győr", "Magyarország"],
]
RUSSIAN = [
    FIRMS[5],
    ["ООО «Выставочные технологии»", "a@expo.example", "+7 812 555 01 15", "Санкт-Петербург", "Россия"],
    ["Застройка стендов «Мастер»", "b@master.example", "+7 343 555 01 16", "Екатеринбург", "Россия"],
]
TURKISH = [
    FIRMS[4],
    ["Çağdaş Görüş Tanıtım", "a@gorus.example", "+90 216 555 01 17", "Kadıköy", "Türkiye"],
    ["Yapı ve Stand Işıkları", "b@yapi.example", "+90 312 555 01 18", "Beşiktaş", "Türkiye"],
]
JAPANESE = [
    FIRMS[6],
    ["大阪展示会サービス株式会社", "a@osaka.example", "+81 6 5550 1019", "大阪市", "日本"],
    ["名古屋の木工とデザイン", "b@nagoya.example", "+81 52 555 0120", "名古屋", "日本"],
]
CHINESE = [
    ["上海展览工程有限公司", "a@shanghai.example", "+86 21 5550 1121", "上海市浦东新区", "中国"],
    ["北京国际会展设计公司", "b@beijing.example", "+86 10 5550 1122", "北京市朝阳区", "中国"],
    ["广州展台搭建服务中心", "c@guangzhou.example", "+86 20 5550 1123", "广州市天河区", "中国"],
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_with_and_without_a_mark(tmp_path, encoding):
    text = csv_text([HEADER, *FIRMS])
    table = opened(tmp_path / "firms.csv", text, encoding=encoding)
    assert table.header == HEADER
    assert rows(table) == FIRMS
    assert table.layout.notes == []


def test_utf16_of_either_order_with_a_mark_is_read(tmp_path):
    text = "\ufeff" + csv_text([HEADER, *FIRMS], "\t")
    for encoding in ("utf-16-le", "utf-16-be"):
        assert rows(opened(tmp_path / "firms.csv", text, encoding=encoding)) == FIRMS


@pytest.mark.parametrize(
    ("encoding", "firms"),
    [
        ("cp1252", WESTERN),
        ("cp1250", POLISH),
        ("cp1251", RUSSIAN),
        ("cp1254", TURKISH),
        ("mac_roman", WESTERN),
        ("mac_roman", [["Ländle Messebau", "a@laendle.example", "", "Görlitz", "Österreich"]]),
        ("mac_roman", [["Société d'Été", "a@ete.example", "", "Orléans", "France"]]),
        ("shift_jis", JAPANESE),
        ("gb18030", CHINESE),
    ],
)
def test_older_encodings_are_recognised_by_their_words(tmp_path, encoding, firms):
    assert rows(opened(tmp_path / "firms.csv", csv_text([HEADER, *firms]), encoding=encoding)) == firms


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1251", "Выставка Стенд"),
        ("koi8_r", "Выставка Москва Россия"),
        ("cp1253", "Αθήνα Εκθέσεις ΑΕ, Θεσσαλονίκη"),
        ("euc_kr", "서울 전시 주식회사, 부산"),
        ("big5", "台北展覽設計有限公司, 台灣"),
    ],
)
def test_one_name_is_enough_where_no_letter_is_latin(tmp_path, encoding, name):
    table = opened(tmp_path / "firms.csv", csv_text([["Name", "City"], [name, "x"]]), encoding=encoding)
    assert (rows(table), table.layout.notes) == ([[name, "x"]], [])


def test_line_ends_of_the_mac_speak_for_its_encoding(tmp_path):
    firms = [["Stands España", "Logroño"], ["Montajes Muñoz", "Coruña"]]
    text = csv_text([["Name", "City"], *firms]).replace("\r\n", "\n").replace("\n", "\r")
    assert rows(opened(tmp_path / "firms.csv", text, encoding="mac_roman")) == firms


def test_latin_9_is_told_by_its_euro_sign_and_by_its_french(tmp_path):
    for firm in (["Menuiserie", "ab 50 €"], ["Le Cœur de l'Œuvre", "Besançon"]):
        text = csv_text([["Company Name", "City"], firm, ["Théâtre", "Orléans"]])
        table = opened(tmp_path / "firms.csv", text, encoding="iso8859-15")
        assert rows(table)[0] == firm


def test_windows_1252_is_kept_where_nothing_speaks_against_it(tmp_path):
    firms = [["Pão e São Stands", "Lisboa"], ["Hôtel Déco – “Événements”", "Genève"], ["Þór Sýningar", "Reykjavík"]]
    table = opened(tmp_path / "firms.csv", csv_text([["Name", "City"], *firms]), encoding="cp1252")
    assert (table.layout.encoding, rows(table)) == ("cp1252", firms)


def test_encoding_that_is_not_certain_is_noted(tmp_path):
    table = opened(tmp_path / "firms.csv", b"Name,City\nA\xb3\xb9\xbeb,C\xaa\xaf\xbc\xa5d\n")
    assert [note.code for note in table.layout.notes] == ["encoding_unsure"]


def test_damaged_utf8_stays_utf8_and_is_noted(tmp_path):
    text = csv_text([HEADER, *FIRMS]).encode() + b"Caf\xe9,,,Paris,France\n"
    table = opened(tmp_path / "firms.csv", text)
    assert table.layout.encoding == "utf-8"
    assert [note.code for note in table.layout.notes] == ["bad_bytes"]
    assert rows(table) == [*FIRMS, ["Caf\ufffd", "", "", "Paris", "France"]]


def test_encoding_that_a_person_chose_is_taken(tmp_path):
    table = opened(tmp_path / "firms.csv", "Name,City\nŠ,Brno\n".encode("cp1250"), layout=Layout(encoding="cp1250"))
    assert rows(table) == [["Š", "Brno"]]


@pytest.mark.parametrize("encoding", ["klingon", "base64"])
def test_encoding_that_does_not_exist_is_refused(tmp_path, encoding):
    with pytest.raises(FileRefused) as refusal:
        opened(tmp_path / "firms.csv", SIMPLE, layout=Layout(encoding=encoding))
    assert refusal.value.code == "encoding"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(tmp_path, delimiter):
    firms = [*FIRMS, ["A; B, C | D\tE", "1,5", "2;5", "Graz", "Austria"]]
    table = opened(tmp_path / "firms.txt", csv_text([HEADER, *firms], delimiter))
    assert (table.layout.delimiter, table.layout.quote) == (delimiter, '"')
    assert rows(table) == firms


def test_semicolons_win_over_commas_in_every_cell(tmp_path):
    text = "Name;Address;Rating\nAcme;Ring 1, Graz;4,5\nBeta;Weg 2, Linz;3,5\n"
    assert rows(opened(tmp_path / "firms.csv", text))[0] == ["Acme", "Ring 1, Graz", "4,5"]


def test_line_with_the_separator_is_obeyed_and_not_counted(tmp_path):
    table = opened(tmp_path / "firms.csv", "\ufeffsep=;\r\nName;City\r\nA, B, C;D, E, F\r\n")
    assert (table.layout.delimiter, table.layout.header_row) == (";", 1)
    assert list(table.rows()) == [(2, ["A, B, C", "D, E, F"])]


def test_apostrophes_that_wrap_cells_are_quotes(tmp_path):
    table = opened(tmp_path / "firms.csv", "'Name','City'\n'A, B','Graz'\n'C','Linz'\n")
    assert rows(table) == [["A, B", "Graz"], ["C", "Linz"]]


def test_apostrophes_in_names_are_letters(tmp_path):
    text = "Name,City\nL'Atelier,'s-Hertogenbosch\nD'Or,L'Aquila\n"
    assert rows(opened(tmp_path / "firms.csv", text)) == [["L'Atelier", "'s-Hertogenbosch"], ["D'Or", "L'Aquila"]]


def test_quotations_behind_spaces_and_escaped_quotes_keep_their_commas(tmp_path):
    spaced = 'Name, Email, City\n"Acme, Inc", "a@acme.example", "Washington, DC"\nBeta, b@beta.example, Ulm\n'
    table = opened(tmp_path / "spaced.csv", spaced)
    assert rows(table) == [["Acme, Inc", "a@acme.example", "Washington, DC"], ["Beta", "b@beta.example", "Ulm"]]
    escaped = 'Name,Slogan,City\n"Acme","We say \\"hi, you\\" to all","Ulm"\nBeta,none,Bonn\n'
    table = opened(tmp_path / "escaped.csv", escaped)
    assert rows(table)[0] == ["Acme", 'We say "hi, you" to all', "Ulm"]
    again = opened(tmp_path / "escaped.csv", escaped, layout=table.layout)
    assert rows(again) == rows(table)
    assert rows(opened(tmp_path / "plain.csv", 'Name,Path\n"Acme","C:\\"\n"Beta, Inc","D:\\"\n'))[1][0] == "Beta, Inc"


def test_row_that_names_groups_of_columns_is_no_header(tmp_path):
    text = "Firm,,Contact,,Address,\nCompany Name,Established,Email,Phone,City,Country\nAcme,1990,,,Ulm,Germany\n"
    table = opened(tmp_path / "firms.csv", text)
    assert (table.layout.header_row, table.header[0], rows(table)[0][0]) == (2, "Company Name", "Acme")


def test_titles_above_the_header_are_passed_over_and_counted(tmp_path):
    text = f"Exhibitor list 2026\n\nMade on 1 May,,\n{SIMPLE}"
    table = opened(tmp_path / "firms.csv", text)
    assert (table.layout.header_row, table.header) == (4, ["Company Name", "Email", "City"])
    assert list(table.rows()) == [(5, ["Acme", "info@acme.example", "Berlin"])]


def test_table_without_a_header_loses_no_firm(tmp_path):
    table = opened(tmp_path / "firms.csv", csv_text(FIRMS))
    assert (table.layout.header_row, table.header) == (0, [f"Column {letter}" for letter in "ABCDE"])
    assert rows(table) == FIRMS


@pytest.mark.parametrize("text", ["Acme\nBeta\n", "Acme,Berlin\nBeta,Berlin\n", "Acme,+49 30 5550123\n"])
def test_rows_alone_are_no_header(tmp_path, text):
    assert opened(tmp_path / "firms.csv", text).layout.header_row == 0


def test_header_in_an_unknown_language_is_told_by_what_stands_below(tmp_path):
    text = "Επωνυμία;Τηλέφωνο\nΆλφα;+30 21 0555 0123\nΒήτα;+30 21 0555 0124\n"
    assert opened(tmp_path / "firms.csv", text).header == ["Επωνυμία", "Τηλέφωνο"]


def test_header_row_that_a_person_chose_is_taken(tmp_path):
    text = "Acme,Berlin\nBeta,Graz\nGamma,Linz\n"
    assert opened(tmp_path / "firms.csv", text, layout=Layout(header_row=2)).header == ["Beta", "Graz"]
    with pytest.raises(FileRefused) as refusal:
        open_table(tmp_path / "firms.csv", "firms.csv", layout=Layout(header_row=9))
    assert refusal.value.code == "no_such_row"


def test_duplicate_and_missing_names_become_names(tmp_path):
    table = opened(tmp_path / "firms.csv", "Name,Phone,Phone,,City,\nAcme,1,2,x,Graz,\n")
    assert table.header == ["Name", "Phone", "Phone (2)", "Unnamed", "City"]
    assert rows(table) == [["Acme", "1", "2", "x", "Graz"]]


def test_quoted_newlines_and_doubled_quotes_are_part_of_a_cell(tmp_path):
    text = 'Name,Address\r\n"The ""Stand"" House","Ring 1\r\nHall 3"\r\nBeta,Weg 2\r\n'
    table = opened(tmp_path / "firms.csv", text)
    assert list(table.rows()) == [(2, ['The "Stand" House', "Ring 1\r\nHall 3"]), (3, ["Beta", "Weg 2"])]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read(tmp_path, newline):
    text = SIMPLE.replace("\n", newline)
    assert rows(opened(tmp_path / "firms.csv", text)) == [["Acme", "info@acme.example", "Berlin"]]


def test_ragged_rows_are_filled_and_what_is_too_much_is_kept(tmp_path):
    text = "Name,Email,City\nAcme\nBeta,b@beta.example,Graz,,\nGamma,c@gamma.example,Linz,,shifted\n"
    assert rows(opened(tmp_path / "firms.csv", text)) == [
        ["Acme", "", ""],
        ["Beta", "b@beta.example", "Graz"],
        ["Gamma", "c@gamma.example", "Linz", "", "shifted"],
    ]


def test_blank_rows_are_left_out_and_counted(tmp_path):
    text = "Name,City\n\nAcme,Berlin\n , \n,\nBeta,Graz\n"
    assert list(opened(tmp_path / "firms.csv", text).rows()) == [(3, ["Acme", "Berlin"]), (6, ["Beta", "Graz"])]


def test_header_that_comes_again_is_no_row(tmp_path):
    """Joined files: the second one brings its header, and its byte order mark, into the middle."""
    again = "\ufeffCompany name,EMAIL ,City,,\n"
    more = "Beta,b@beta.example,Ulm\n\ufeffCity,,Email\nEmail,Email,Email\n"
    table = opened(tmp_path / "firms.csv", f"{SIMPLE}{again}{more}")
    assert [cells[0] for cells in rows(table)] == ["Acme", "Beta", "\ufeffCity", "Email"]
    assert rows(opened(tmp_path / "names.csv", "Name\nAcme\nName\n")) == [["Acme"], ["Name"]]
    with pytest.raises(FileRefused, match="Row 3 names columns in another order") as refusal:
        rows(opened(tmp_path / "joined.csv", f"{SIMPLE}City,Company Name,Email\nUlm,Beta,b@beta.example\n"))
    assert refusal.value.code == "two_tables"


def test_nul_bytes_are_dropped(tmp_path):
    text = b"Name,City\x00\nAc\x00me,Berlin\x00\x00\nBeta,\x00Graz\n"
    assert rows(opened(tmp_path / "firms.csv", text)) == [["Acme", "Berlin"], ["Beta", "Graz"]]


def test_cell_of_more_than_128_kib_is_read_whole(tmp_path):
    long = "wörd " * 60_000
    assert rows(opened(tmp_path / "firms.csv", f'Name,Description\nAcme,"{long}"\n')) == [["Acme", long]]


def test_numbers_stay_as_they_are_written(tmp_path):
    text = "Name,Phone,Zip\nAcme,4.92E+11,01067\nBeta,0049211,00100\n"
    assert rows(opened(tmp_path / "firms.csv", text)) == [["Acme", "4.92E+11", "01067"], ["Beta", "0049211", "00100"]]


def test_marks_that_keep_text_from_being_calculated_are_taken_off(tmp_path):
    text = 'Name,Phone\n"=""0049 211""",\'+49 211\nL\'Atelier,=1+1\n\'=cmd,\'x\n'
    assert rows(opened(tmp_path / "firms.csv", text)) == [
        ["0049 211", "+49 211"],
        ["L'Atelier", "=1+1"],
        ["=cmd", "'x"],
    ]


def test_reading_goes_on_behind_a_row(tmp_path):
    table = opened(tmp_path / "firms.csv", csv_text([HEADER, *FIRMS]))
    everything = list(table.rows())
    assert list(table.rows(after=5)) == everything[4:]
    assert list(table.rows(after=99)) == []
    assert list(table.rows()) == everything


def test_layout_that_was_found_reads_the_same_again(tmp_path):
    table = opened(tmp_path / "firms.csv", csv_text([["A list"], HEADER, *POLISH], ";"), encoding="cp1250")
    stored = msgspec.convert(msgspec.to_builtins(table.layout), Layout)
    again = open_table(tmp_path / "firms.csv", "anything", layout=stored)
    assert (again.layout, again.header) == (table.layout, HEADER)
    assert list(again.rows()) == list(table.rows())


def test_total_is_known_for_progress(tmp_path):
    assert opened(tmp_path / "firms.csv", csv_text([HEADER, *FIRMS])).total >= len(FIRMS)


def test_sample_has_the_first_rows(tmp_path):
    assert opened(tmp_path / "firms.csv", csv_text([HEADER, *FIRMS])).sample(2) == FIRMS[:2]


@pytest.mark.parametrize(
    ("broken", "meant"),
    [
        ("MÃ¼nchen", "München"),
        ("CafÃ© â€“ SÃ£o Paulo", "Café – São Paulo"),
        ("GÃƒÂ¶teborg", "Göteborg"),
        ("ÃÅ¾mir", None),
        ("æ\u009d±äº¬", "東京"),
    ],
)
def test_text_that_was_misread_is_recognised(broken, meant):
    assert repaired(broken) == meant


@pytest.mark.parametrize("text", ["CONEXÃO", "SÃO PAULO", "München", "Ångström", "ÂNGELA", "Łódź", "東京", "", "plain"])
def test_text_that_is_right_is_left_alone(text):
    assert repaired(text) is None


def test_misread_text_is_offered_and_repaired_only_when_asked(tmp_path):
    text = "Name,City,Country\nCONEXÃO,MÃ¼nchen,Brasil\nAcme,KÃ¶ln,Germany\nBeta,Graz,Ã–sterreich\n"
    table = opened(tmp_path / "firms.csv", text)
    offers = [(repair.column, repair.cells, repair.before, repair.after) for repair in table.layout.repairs]
    assert offers == [("City", 2, "MÃ¼nchen", "München"), ("Country", 1, "Ã–sterreich", "Österreich")]
    assert rows(table)[0] == ["CONEXÃO", "MÃ¼nchen", "Brasil"]
    chosen = msgspec.structs.replace(table.layout, repaired=["City"])
    assert rows(open_table(tmp_path / "firms.csv", "x", layout=chosen)) == [
        ["CONEXÃO", "München", "Brasil"],
        ["Acme", "Köln", "Germany"],
        ["Beta", "Graz", "Ã–sterreich"],
    ]


def test_last_row_of_a_sample_may_be_cut_off(tmp_path):
    many = [[f"Firm {number}", "x" * 500, f"{number}@firm.example", "Graz", "Austria"] for number in range(1500)]
    assert len(csv_text(many)) > limits.SAMPLE
    assert rows(opened(tmp_path / "firms.csv", csv_text([HEADER, *many]))) == many


def test_one_column_has_a_comma_for_a_delimiter():
    assert dialects.sniff("Name\nAcme\nBeta\n", is_whole=True).delimiter == ","


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [("sep=;", ";"), ('"sep=,"\r\n', ","), ("SEP=\\t\n", "\t"), ("separator", ""), ("sep=;;", "")],
)
def test_separator_line_is_recognised(line, delimiter):
    assert csv_files.separator_of(line) == delimiter


@pytest.mark.parametrize(("delimiter", "quote"), [(";;", '"'), ("\n", '"'), ('"', ""), (";", "''")])
def test_delimiter_that_cannot_be_one_is_refused(tmp_path, delimiter, quote):
    with pytest.raises(FileRefused) as refusal:
        opened(tmp_path / "firms.csv", SIMPLE, layout=Layout(delimiter=delimiter, quote=quote))
    assert refusal.value.code == "delimiter"


# Marks that are taken off have their own test; a lone half of a pair cannot be written.
CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12).filter(
    lambda cell: not cell.startswith(("'", '="'))
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    firms=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_no_cell_is_changed_or_shifted(tmp_path, firms, delimiter, encoding):
    text = csv_text([["Name", "City", "Notes"], *firms], delimiter)
    layout = Layout(encoding=encoding, delimiter=delimiter, header_row=1)
    expected = [firm for firm in firms if any(map(str.strip, firm))]
    assert rows(opened(tmp_path / "firms.csv", text, encoding=encoding, layout=layout)) == expected
