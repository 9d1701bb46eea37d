"""How fields and their values are called where people read them: nobody is shown a code or the name of an attribute."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.conf.locale import LANG_INFO
from django_countries import countries

from builders.models import Builder, Service

# Where the name of a field, or of an attribute of a record, is no word of its own.
_LABELS: Final = {
    "key": "key at the source",
    "other_keys": "keys at other sources",
    "maps_url": "map",
    "emails": "e-mail addresses",
    "phones": "telephone numbers",
    "faxes": "fax numbers",
    "social": "social profiles",
    "people": "contact people",
    "service_places": "service areas",
    "is_verified": "verified",
    "team": "team size",
    "team_min": "team, at least",
    "team_max": "team, at most",
    "stand": "stand sizes in m²",
    "stand_min_m2": "stands from, m²",
    "stand_max_m2": "stands to, m²",
    "review_count": "votes",
    "extra": "what has no field here",
}
# Languages that Django knows by their dialects alone.
_LANGUAGE_NAMES: Final = {"zh": "Chinese", "no": "Norwegian"}
_PRICE: Final = ("price_from", "price_to", "currency", "unit")
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


def field_label(name: str) -> str:
    return _LABELS.get(name) or name.replace("_", " ")


def language_name(code: str) -> str:
    return _LANGUAGE_NAMES.get(code) or str(LANG_INFO.get(code, {}).get("name", code))


def value_text(value: Any, field: str = "") -> str:
    """Return a value as JSON has it in words, by the field or attribute that it stands in; "" for nothing."""
    if value in _EMPTY:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(filter(None, (value_text(item, field) for item in value)))
    if isinstance(value, dict):
        return _item_text(value)
    return _code_text(field, str(value))


def _item_text(item: dict[str, Any]) -> str:
    """Return a place, a service, a project or whatever has several parts."""
    texts = [value_text(part, name) for name, part in item.items() if name not in _PRICE]
    texts.append(price_text(item))
    # The category of a service is often its name once more.
    return ", ".join(reversed({text.casefold(): text for text in reversed(texts) if text}.values()))


def price_text(item: dict[str, Any]) -> str:
    """Return a price band with its currency and unit: 60–140 EUR per m²."""
    low, high = (_amount(item.get(name)) for name in _PRICE[:2])
    if low and high:
        amount = low if low == high else f"{low}–{high}"
    elif low or high:
        amount = f"from {low}" if low else f"up to {high}"
    else:
        return ""
    unit = item.get("unit")
    return " ".join(filter(None, (amount, item.get("currency"), f"per {unit}" if unit else "")))


def _amount(value: Any) -> str:
    if value in _EMPTY:
        return ""
    try:
        return f"{Decimal(str(value)):,.2f}".removesuffix(".00")
    except InvalidOperation:
        return str(value)


def _code_text(field: str, text: str) -> str:
    match field:
        case "country":
            return str(countries.name(text)) or text
        case "languages":
            return language_name(text)
        case "category":
            # It says that nothing is known.
            return "" if text == Service.Category.OTHER else _label(Service.Category, text)
        case "status":
            return _label(Builder.Status, text)
        case "stand_m2":
            return f"{int(text):,} m²" if text.isdecimal() else text
    return text


def _label(choices: Any, text: str) -> str:
    return str(dict(choices.choices).get(text, text)).lower()
