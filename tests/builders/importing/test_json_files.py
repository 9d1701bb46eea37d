"""JSON: what Google answers, what the old stores hold, and tables that happen to be JSON."""

from __future__ import annotations

import json

import msgspec
import pytest

from builders.importing import json_shapes, limits
from builders.importing.errors import FileRefused
from builders.importing.files import open_table
from builders.importing.javascript import checksum
from builders.importing.json_store import RunningChecksum
from builders.importing.layout import Layout
from tests.builders.importing.written import opened, rows

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")

PLACE_NEW = {
    "id": "ChIJ-new-1",
    "displayName": {"text": "Müller Messebau", "languageCode": "de"},
    "formattedAddress": "Ring 1, 40210 Düsseldorf, Germany",
    "location": {"latitude": 51.2, "longitude": 6.8},
}
PLACE_CLASSIC = {
    "place_id": "ChIJ-old-1",
    "name": "東京ブース",
    "formatted_address": "Tokyo, Japan",
    "geometry": {"location": {"lat": 35.6, "lng": 139.7}},
}
LISTING = {"id": "gmb_real_ChIJ-1", "gmbId": "ChIJ-1", "businessName": "Acme", "verified": True}
BUILDER = {
    "id": "b1",
    "companyName": "Łódź Stoisko",
    "headquarters": {"city": "Łódź", "country": "Poland", "latitude": 51.75},
    "contactInfo": {"primaryEmail": "a@stoisko.example"},
    "rating": 4.0,
}
FLAT_SNAKE = {"id": 1, "company_name": "Acme", "headquarters_city": "Graz", "claim_status": "unclaimed"}
FLAT_CAMEL = {"id": 1, "companyName": "Acme", "headquartersCity": "Graz", "claimStatus": "unclaimed"}
LEAD = {
    "id": "l1",
    "companyName": "Buyer",
    "contactEmail": "b@buyer.example",
    "tradeShowName": "Expo",
    "budget": "$10k",
}


def records(table):
    return [record for _, record in table.records()]


def wrapped(data, **metadata):
    stamp = {"timestamp": "2025-01-01T00:00:00Z", "version": "1.0", **metadata}
    return json.dumps({"_metadata": stamp, "data": data}, ensure_ascii=False, indent=2)


@pytest.mark.parametrize(
    ("document", "shape", "expected"),
    [
        ({"places": [PLACE_NEW], "nextPageToken": "x"}, json_shapes.PLACES_NEW, [PLACE_NEW]),
        ([{"places": [PLACE_NEW]}, {"places": [PLACE_NEW]}], json_shapes.PLACES_NEW, [PLACE_NEW, PLACE_NEW]),
        ([PLACE_NEW], json_shapes.PLACES_NEW, [PLACE_NEW]),
        (PLACE_NEW, json_shapes.PLACES_NEW, [PLACE_NEW]),
        ({"status": "OK", "results": [PLACE_CLASSIC]}, json_shapes.PLACES_CLASSIC, [PLACE_CLASSIC]),
        ({"result": PLACE_CLASSIC, "status": "OK"}, json_shapes.PLACES_CLASSIC, [PLACE_CLASSIC]),
        ([LISTING], json_shapes.LISTING, [LISTING]),
        ({"success": True, "data": [LISTING], "total": 1}, json_shapes.LISTING, [LISTING]),
        ({"data": {"builders": [LISTING], "total": 1}}, json_shapes.LISTING, [LISTING]),
        ({"companies": [LISTING]}, json_shapes.LISTING, [LISTING]),
        ([BUILDER], json_shapes.BUILDER, [BUILDER]),
        (BUILDER, json_shapes.BUILDER, [BUILDER]),
        ({**BUILDER, "data": [1], "places": []}, json_shapes.BUILDER, [{**BUILDER, "data": [1], "places": []}]),
        ([FLAT_SNAKE], json_shapes.BUILDER_FLAT, [FLAT_SNAKE]),
        ([FLAT_CAMEL], json_shapes.BUILDER_FLAT, [FLAT_CAMEL]),
        ([LEAD], json_shapes.LEAD, [LEAD]),
        ({"id": "u1", "email": "a@b.example", "role": "admin"}, json_shapes.USER, None),
        ([{"id": 1, "action": "login", "resource": "users"}], json_shapes.ACTIVITY, None),
        ([{"userId": 1, "token": "t", "expiresAt": "…"}], json_shapes.SESSION, None),
        ({"siteName": "EB", "payment": {"key": "…"}}, json_shapes.SETTINGS, None),
    ],
)
def test_records_of_a_known_format_are_recognised(tmp_path, document, shape, expected):
    table = opened(tmp_path / "file.json", json.dumps(document))
    assert (table.kind, table.layout.kind, table.layout.shape, table.header) == ("records", "json", shape, [])
    assert expected is None or records(table) == expected


def test_store_is_unwrapped_and_its_checksum_agrees(tmp_path):
    data = [
        BUILDER,
        {**BUILDER, "id": "b2", "companyName": "東京 𝄞", "rating": 1e-7, "teamSize": 1e21, "note": 'a\n\u001f"'},
    ]
    table = opened(tmp_path / "builders.json", wrapped(data, checksum=checksum(data)))
    assert (table.layout.shape, table.total, table.layout.notes) == (json_shapes.BUILDER, 2, [])
    assert records(table) == data


@pytest.mark.parametrize("stated", ["", "0", "-1a2b", None, 12])
def test_checksum_that_differs_is_a_warning(tmp_path, stated):
    table = opened(tmp_path / "builders.json", wrapped([BUILDER], checksum=stated))
    assert [note.code for note in table.layout.notes] == ["checksum"]
    assert records(table) == [BUILDER]


def test_checksum_is_found_behind_the_data_and_of_an_object(tmp_path):
    for data in ([BUILDER], BUILDER):
        text = json.dumps({"data": data, "_metadata": {"checksum": checksum(data)}}, ensure_ascii=False)
        table = opened(tmp_path / "builders.json", text)
        assert (records(table), table.layout.notes) == ([BUILDER], [])


def test_checksum_adds_up_in_pieces():
    total = RunningChecksum()
    for piece in ("[", '"ä𝄞"', "", ",", "12", "]"):
        total.add(piece)
    assert total.text() == checksum(["ä𝄞", 12])
    empty = RunningChecksum()
    empty.add("[")
    empty.add("]")
    assert empty.text() == "b62"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_with_and_without_a_mark(tmp_path, encoding):
    assert records(opened(tmp_path / "b.json", wrapped([BUILDER] * 3), encoding=encoding)) == [BUILDER] * 3


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"[]", "empty"),
        (b'{"_metadata":{},"data":[]}', "empty"),
        (b"   \n", "empty"),
        (wrapped([BUILDER])[:-20].encode(), "truncated"),
        (wrapped([BUILDER])[:-1].encode(), "truncated"),
        (b'[{"companyName":"A"},', "truncated"),
        (b'[{"companyName":"A"}', "truncated"),
        (b'{"a":1,', "truncated"),
        (b'{"a"', "truncated"),
        ("not JSON at all".encode("utf-16"), "malformed"),
        ("[1]".encode("utf-16")[:-1], "encoding"),
        (b'[{"companyName":"Caf\xe9"}]', "encoding"),
        (b'[{"companyName":"A",}]', "malformed"),
        (b'[{"companyName":"A"} {"companyName":"B"}]', "malformed"),
        (b'[{"rating":NaN}]', "malformed"),
        (b'[{"rating":' + b"9" * 5000 + b"}]", "malformed"),
        (b'{1:"a"}', "malformed"),
        (b"[" * 100_000, "too_deep"),
        (b'[{"a":' + b"[" * 100 + b"]" * 100 + b"}]", "too_deep"),
        (b'[{"a":"' + b"x" * (limits.MAX_RECORD + 10) + b'"}]', "row_too_long"),
        (b'{"a":"' + b"x" * (limits.MAX_RECORD - 10) + b'","b":"' + b"x" * 100 + b'"}', "row_too_long"),
        (b"[1, 2, 3]", "empty"),
    ],
)
def test_file_that_is_broken_is_one_clear_error(tmp_path, content, code):
    with pytest.raises(FileRefused) as refusal:
        opened(tmp_path / "builders.json", content)
    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")


@pytest.mark.parametrize("content", [b"", wrapped([BUILDER])[:-9].encode(), "no JSON".encode("utf-16")])
def test_backup_beside_a_broken_store_is_read_instead(tmp_path, content):
    (tmp_path / "builders.json.backup").write_text(wrapped([BUILDER]))
    table = opened(tmp_path / "builders.json", content)
    assert records(table) == [BUILDER]
    assert table.layout.notes[0].code == "backup_used"


def test_backup_of_a_store_that_is_gone_is_read(tmp_path):
    (tmp_path / "builders.json.backup").write_text(wrapped([BUILDER]))
    assert records(open_table(tmp_path / "builders.json", "builders.json")) == [BUILDER]


def test_backup_that_is_broken_too_is_an_error(tmp_path):
    (tmp_path / "builders.json.backup").write_bytes(b"")
    with pytest.raises(FileRefused) as refusal:
        opened(tmp_path / "builders.json", "[")
    assert refusal.value.code in ("empty", "truncated")


def test_values_that_are_no_records_are_left_out_and_counted(tmp_path):
    table = opened(tmp_path / "b.json", json.dumps([BUILDER, None, "x", BUILDER]))
    assert records(table) == [BUILDER, BUILDER]
    assert [note.code for note in table.layout.notes] == ["no_records"]


def test_records_of_another_format_among_many_are_noted(tmp_path):
    table = opened(tmp_path / "b.json", json.dumps([BUILDER, BUILDER, LISTING]))
    assert (table.layout.shape, [note.code for note in table.layout.notes]) == (json_shapes.BUILDER, ["mixed"])


def test_lines_of_records_are_read(tmp_path):
    text = "".join(json.dumps(BUILDER) + "\n" for _ in range(3))
    assert records(opened(tmp_path / "b.jsonl", text)) == [BUILDER] * 3


def test_reading_goes_on_behind_a_record(tmp_path):
    table = opened(tmp_path / "b.json", json.dumps([{**BUILDER, "id": number} for number in range(5)]))
    assert [(number, record["id"]) for number, record in table.records(after=3)] == [(4, 3), (5, 4)]


def test_records_across_the_borders_of_what_is_read_at_once_are_whole(tmp_path):
    many = [{**BUILDER, "id": number, "companyDescription": "ä" * (number * 37 % 4000)} for number in range(400)]
    table = opened(tmp_path / "b.json", wrapped(many, checksum=checksum(many)))
    assert table.layout.notes == []
    assert records(table) == many


def test_number_at_the_border_is_whole(tmp_path):
    text = "[" + " " * ((1 << 16) - 15) + '{"name":"A","team":1234567}]'
    for shift in range(30):
        assert rows(opened(tmp_path / "b.json", " " * shift + text)) == [["A", "1234567"]]


def test_other_records_are_a_table(tmp_path):
    firms = [
        {
            "title": "Acme",
            "location": {"lat": 47.5, "lng": 15},
            "emails": ["a@acme.example", "b@acme.example"],
            "cid": 2**63,
        },
        {"title": "Beta; Co", "web_site": "https://beta.example", "tags": ["a;b", "c"], "hours": {"Monday": "9-17"}},
        {"title": None, "is_open": True, "rating": 4.0, "n": [1, 2]},
    ]
    table = opened(tmp_path / "export.json", json.dumps(firms))
    assert (table.kind, table.layout.shape, table.layout.header_row) == ("rows", "", 0)
    columns = [
        "title",
        "location.lat",
        "location.lng",
        "emails",
        "cid",
        "web_site",
        "tags",
        "hours",
        "is_open",
        "rating",
        "n",
    ]
    assert table.header == columns
    assert [dict(zip(columns, cells, strict=True)) for cells in rows(table)] == [
        {
            **dict.fromkeys(columns, ""),
            "title": "Acme",
            "location.lat": "47.5",
            "location.lng": "15",
            "emails": "a@acme.example; b@acme.example",
            "cid": "9223372036854775808",
        },
        {
            **dict.fromkeys(columns, ""),
            "title": "Beta; Co",
            "web_site": "https://beta.example",
            "tags": '["a;b","c"]',
            "hours": '{"Monday":"9-17"}',
        },
        {**dict.fromkeys(columns, ""), "is_open": "true", "rating": "4", "n": "[1,2]"},
    ]
    assert [number for number, _ in table.rows(after=1)] == [2, 3]


def test_layout_that_was_found_reads_the_same_again(tmp_path):
    for document in ([BUILDER], [{"name": "Acme", "city": "Graz"}]):
        table = opened(tmp_path / "b.json", json.dumps(document))
        stored = msgspec.convert(msgspec.to_builtins(table.layout), Layout)
        assert open_table(tmp_path / "b.json", "b.json", layout=stored).layout == table.layout


def test_table_and_records_do_not_answer_for_each_other(tmp_path):
    with pytest.raises(ValueError, match="records"):
        opened(tmp_path / "b.json", json.dumps([BUILDER])).rows()
    with pytest.raises(ValueError, match="rows"):
        opened(tmp_path / "t.json", json.dumps([{"name": "A"}])).records()


def test_text_in_brackets_is_no_json(tmp_path):
    assert opened(tmp_path / "firms.csv", "[Name],[City]\nAcme,Graz\n").layout.kind == "csv"
