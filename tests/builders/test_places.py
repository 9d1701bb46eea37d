from __future__ import annotations

import pytest
from django.utils import translation
from django_countries.data import ALT_CODES

from builders.places import _countries, _country_code, city_key, country_code

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Germany", "DE"),
        ("Kosovo", "XK"),
        ("Kosova", "XK"),
        ("Косово", "XK"),
        ("XKX", "XK"),
        ("Deutschland", "DE"),
        ("Allemagne", "DE"),
        ("Alemania", "DE"),
        ("Germania", "DE"),
        ("Duitsland", "DE"),
        ("Alemanha", "DE"),
        ("Almanya", "DE"),
        ("DEU", "DE"),
        ("de", "DE"),
        ("  GERMANY ", "DE"),
        ("Germany (DE)", "DE"),
        ("DE - Germany", "DE"),
        ("Federal Republic of Germany", "DE"),
        ("UAE", "AE"),
        ("U.A.E.", "AE"),
        ("Vereinigte Arabische Emirate", "AE"),
        ("Emiratos Árabes Unidos", "AE"),
        ("الإمارات العربية المتحدة", "AE"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Royaume-Uni", "GB"),
        ("İngiltere", "GB"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("United States", "US"),
        ("Estados Unidos", "US"),
        ("États-Unis", "US"),
        ("Amerika Birleşik Devletleri", "US"),
        ("The Netherlands", "NL"),
        ("Holland", "NL"),
        ("Pays-Bas", "NL"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Czech Republic", "CZ"),
        ("Česko", "CZ"),
        ("South Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("North Korea", "KP"),
        ("Russia", "RU"),
        ("Россия", "RU"),
        ("中国", "CN"),
        ("P.R. China", "CN"),
        ("日本", "JP"),
        ("Hong Kong SAR", "HK"),
        ("Taiwan", "TW"),
        ("Ivory Coast", "CI"),
        ("Österreich", "AT"),
        ("Oesterreich", "AT"),
        ("Schweiz", "CH"),
        ("İsviçre", "CH"),
        ("Oman", "OM"),
        ("Romania", "RO"),
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("NA", "NA"),
        ("Namibia", "NA"),
        ("Polska", "PL"),
        ("España", "ES"),
        ("KSA", "SA"),
        ("Republic of Ireland", "IE"),
    ],
)
def test_country(text, code):
    assert country_code(text) == code


@pytest.mark.parametrize(
    "text", ["", "XX", "Unknown", "Atlantis", "Europe", "n/a", "Munich", "-", "EU", "France and Spain"]
)
def test_what_is_no_country(text):
    assert country_code(text) == ""


def test_two_countries_are_none():
    assert country_code("Germany / France") == ""


def test_every_code_stands_for_itself():
    read = {code: {country_code(code), country_code(longer)} for code, (longer, *_) in ALT_CODES.items()}
    assert read == {code: {code} for code in ALT_CODES}


def test_names_do_not_depend_on_the_language_of_whoever_looks():
    _country_code.cache_clear()
    _countries.cache_clear()
    with translation.override("fr"):
        assert country_code("Spain") == country_code("Espagne") == "ES"


@pytest.mark.parametrize(
    "names",
    [
        ("München", "Muenchen", "Munich", "MUNICH", "Monaco di Baviera"),
        ("Köln", "Koeln", "Cologne", "Colonia"),
        ("Nürnberg", "Nuernberg", "Nuremberg", "Norimberga"),
        ("Düsseldorf", "Duesseldorf", "Dusseldorf"),
        ("Frankfurt", "Frankfurt am Main", "Frankfurt/Main", "Francfort"),
        ("Wien", "Vienna", "Viyana"),
        ("Milano", "Mailand", "Milan"),
        ("Lisboa", "Lissabon", "Lisbon"),
        ("İstanbul", "Istanbul", "ISTANBUL", "Estambul"),
        ("Praha", "Prag", "Prague"),
        ("Warszawa", "Warsaw", "Warschau"),
        ("上海", "Shanghai", "上海市"),
        ("東京", "Tokyo", "Tokio"),
        ("دبي", "Dubai", "Dubaï"),
        ("Москва", "Moscow", "Moskau"),
        ("New York", "New York City", "NYC"),
        ("St. Gallen", "Sankt Gallen", "Saint-Gall"),
        ("São Paulo", "Sao Paulo"),
        ("Saint Louis", "St. Louis"),
    ],
)
def test_names_of_one_city(names):
    assert len({city_key(name) for name in names}) == 1


def test_cities_stay_apart():
    assert (
        len({city_key(name) for name in ("Frankfurt", "Frankfurt (Oder)", "Halle (Saale)", "Essen", "Hessen", "Roma")})
        == 6
    )
