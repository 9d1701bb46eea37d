from __future__ import annotations

import socket
import time

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import contact, phones
from builders.contact import email, phone, registrable_domain, url


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+49 89 32651170", "", "+498932651170"),
        ("+49 (0)89 3265-1170", "", "+498932651170"),
        ("0049 89 32651170", "DE", "+498932651170"),
        ("(089) 32651170", "DE", "+498932651170"),
        ("089/32651170", "DE", "+498932651170"),
        ("089/32651170", "", None),
        ("491711234567", "DE", "+491711234567"),
        ("498932651170", "DE", "+498932651170"),
        ("Tel.: +49 89 32651170", "", "+498932651170"),
        ("(702) 892-0711", "US", "+17028920711"),
        ("1-702-892-0711", "US", "+17028920711"),
        ("+1 416 555 0123", "", "+14165550123"),
        ("02 4997 1234", "IT", "+390249971234"),
        ("+39 02 4997 1234", "", "+390249971234"),
        ("04 331 2200", "AE", "+97143312200"),
        ("+971 50 123 4567", "", "+971501234567"),
        ("０３-５５３０-１１１１", "JP", "+81355301111"),
        ("٠٤ ٣٣١ ٢٢٠٠", "AE", "+97143312200"),
        ("+44 20 7476 0000 ext. 12", "", "+442074760000"),
        ("+800 1234 5678", "", "+80012345678"),
        ("12", "DE", None),
        ("not a number", "DE", None),
        ("+49", "", None),
        ("+", "DE", None),
        ("+0 123 456 789", "", None),
        ("+999 123 456 789", "", None),
        ("", "DE", None),
        ("0" * 300, "DE", None),
    ],
)
def test_phone(text, region, expected):
    assert phone(text, region) == expected


def examples() -> list[tuple[str, phonenumbers.PhoneNumber]]:
    kinds = (
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
    )
    found = [
        (region, phonenumbers.example_number_for_type(region, kind))
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in kinds
    ]
    return [(region, number) for region, number in found if number is not None]


def written(number: phonenumbers.PhoneNumber) -> list[str]:
    formats = phonenumbers.PhoneNumberFormat
    texts = [
        phonenumbers.format_number(number, style) for style in (formats.E164, formats.INTERNATIONAL, formats.NATIONAL)
    ]
    nsn = phonenumbers.national_significant_number(number)
    # Also written as people do, and as nobody should.
    return [
        *texts,
        f"+{number.country_code} (0){nsn}",
        f"00{number.country_code}{nsn}",
        f"0{nsn}",
        f"{number.country_code}{nsn}",
        nsn,
        nsn[:-1],
        nsn + "7",
    ]


def by_library(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def test_short_way_says_what_the_library_says_for_all_numbering_plans():
    wrong, by_short_way = [], 0
    for region, number in examples():
        for text in written(number):
            expected = by_library(text, region)
            # What lost its plus in a spreadsheet is read otherwise than by the library, and only that.
            abroad = f"+{text}" if text == f"{number.country_code}{number.national_number}" else expected
            if phone(text, region) not in (expected, abroad):
                wrong.append((region, text, phone(text, region), expected))
            by_short_way += phones._PLAIN.fullmatch(text) is not None and phones._read_plain(text, region) is not None
    assert wrong == []
    assert by_short_way > 2000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Info@Firma.DE", "info@firma.de"),
        (" info@firma.de ", "info@firma.de"),
        ("mailto:info@firma.de", "info@firma.de"),
        ("mailto:info@firma.de?subject=Hi", "info@firma.de"),
        ("Anna Groß <anna@firma.de>", "anna@firma.de"),
        ("info@firma.de,", "info@firma.de"),
        ("a.b+c_d-e@sub.firma.co.uk", "a.b+c_d-e@sub.firma.co.uk"),
        ("info@müller.example", "info@müller.example"),
        ("info at firma.de", None),
        ("info@firma", None),
        ("info@@firma.de", None),
        (".info@firma.de", None),
        ("in..fo@firma.de", None),
        ("info@-firma.de", None),
        ("info@firma.test", None),
        ("info@localhost", None),
        ("<script>@firma.de", None),
        ("@firma.de", None),
        ("x" * 65 + "@firma.de", None),
        ("a@" + "b" * 250 + ".de", None),
        ("", None),
    ],
)
def test_email(text, expected):
    assert email(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://firma.de", "https://firma.de"),
        ("HTTP://WWW.Firma.DE/Messe?x=1#a", "http://www.firma.de/Messe?x=1#a"),
        ("www.firma.de", "https://www.firma.de"),
        ("firma.de/messe", "https://firma.de/messe"),
        ("//firma.de", "https://firma.de"),
        ("firma.de:8080", "https://firma.de:8080"),
        ("https://müller.de/größe", "https://müller.de/größe"),
        ("https://例え.jp", "https://例え.jp"),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt:alert(1)", None),
        ("data:text/html,x", None),
        ("ftp://firma.de", None),
        ("mailto:info@firma.de", None),
        ("info@firma.de", None),
        ("https://user:pass@firma.de", None),
        ("https://user@firma.de", None),
        ("https://firma.de@evil.example", None),
        ("https://localhost", None),
        ("https://127.0.0.1", None),
        ("https://[::1]", None),
        ("https://[", None),
        ("https://firma.de:99999", None),
        ("https://firma.de:0", None),
        ("https://firma de", None),
        ("https://fir\nma.de", None),
        ("https://firma.de/\u202egnp.exe", None),
        ("https://firma.de\\@evil.example", None),
        ('https://firma.de/"onclick=', None),
        ("firma", None),
        ("12.5", None),
        ("https://firma.de/" + "x" * 500, None),
        ("", None),
    ],
)
def test_url(text, expected):
    assert url(text) == expected


@given(st.text())
def test_url_never_leads_elsewhere(text):
    address = url(text)
    assert address is None or (address.startswith(("http://", "https://")) and len(address) <= 500)


@given(st.text())
def test_readers_never_fail(text):
    assert phone(text, "DE") is None or phone(text, "DE").startswith("+")
    assert email(text) is None or "@" in email(text)
    assert "." in (registrable_domain(text) or ".")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://shop.firma.co.uk/x", "firma.co.uk"),
        ("info@mail.firma.de", "firma.de"),
        ("firma.de", "firma.de"),
        ("https://firma.uk.com", "firma.uk.com"),
        ("https://müller.de", "müller.de"),
        ("info@gmail.com", ""),
        ("info@yahoo.co.uk", ""),
        ("info@hotmail.fr", ""),
        ("info@t-online.de", ""),
        ("info@qq.com", ""),
        ("https://www.facebook.com/firma", ""),
        ("https://instagram.com/firma", ""),
        ("https://linktr.ee/firma", ""),
        ("https://maps.google.de/place/x", ""),
        ("https://www.google.com/maps/place/x", ""),
        ("https://goo.gl/maps/x", ""),
        ("https://sites.google.com/view/firma", ""),
        ("https://firma.business.site", ""),
        ("https://firma.wixsite.com/home", ""),
        ("https://firma.wordpress.com", ""),
        ("https://firma.blogspot.com", ""),
        ("https://firma.github.io", ""),
        ("https://firma.myshopify.com", ""),
        ("https://127.0.0.1/x", ""),
        ("https://[::1]/", ""),
        ("https://[", ""),
        ("localhost", ""),
        ("co.uk", ""),
        ("", ""),
    ],
)
def test_registrable_domain(text, expected):
    assert registrable_domain(text) == expected


def test_domains_are_told_without_a_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("The network was asked.")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert registrable_domain(f"https://www.firma-{time.monotonic_ns()}.co.jp").endswith(".co.jp")


def test_caches_are_bounded():
    assert phones._phone.cache_info().maxsize
    phones._phone.cache_clear()
    assert phone("1" * 251, "DE") is None
    assert phones._phone.cache_info().currsize == 0


@given(st.from_regex(r"(https?://)?([a-z0-9-]{1,8}\.){1,3}[a-z]{2,5}(/[A-Za-z0-9._~%+-]{0,9}){0,3}", fullmatch=True))
def test_plain_addresses_of_the_web_are_read_as_all_others(address):
    # An upper-case scheme takes the long way, and comes back the same.
    scheme, mark, rest = address.partition("://") if "://" in address else ("https", "://", address)
    assert url(address) == url(f"{scheme.upper()}{mark}{rest}")


@pytest.mark.backend("sqlite")
def test_domain_of_a_plain_host_is_what_the_library_says():
    # Every suffix there is, as a host, and before it one, two and three names.
    suffixes = {rule.lstrip("*!.") for rule in contact._suffixes().tlds if rule.isascii()}
    differing = []
    for suffix in suffixes:
        for host in (suffix, f"firm.{suffix}", f"www.firm.{suffix}", f"a.b.firm.{suffix}"):
            plain = contact._plain_parts(host)
            if plain is not None and plain != contact._parts(host):
                differing.append(host)
    assert differing == []
    assert contact._plain_parts("www.firm.co.uk") == ("firm", "co.uk", False)
