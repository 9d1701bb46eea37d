"""Telephone numbers as E.164, by the numbering plans of the phonenumbers library.

Reading one number with the library takes 20 to 30 µs, a quarter of what an import may spend on a row. A number that is
written plainly is therefore read here in 3 µs, by the library's own plans and rules; whatever is not plain goes to the
library. A test compares the two over the examples of all plans.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

_PLAIN = re.compile(r"\+?[0-9\s()./\-\u2010-\u2015\u00a0]+")
_NO_DIGITS = re.compile(r"[^0-9]+")
_LONGEST = 40
_LONGEST_CALLING_CODE = 3
# The kinds that firms have come first; one match is enough.
_KINDS = (
    "fixed_line", "mobile", "toll_free", "uan", "voip", "shared_cost", "premium_rate", "personal_number", "pager",
    "voicemail",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Plan:
    """How numbers of one region look, compiled. `prefix` is what stands before a number inside the country.

    `kinds` has the patterns for each length that a number may have, of which one has to fit beside the `general` one.
    """

    calling_code: str
    general: re.Pattern[str]
    kinds: dict[int, tuple[re.Pattern[str], ...]]
    leading: re.Pattern[str] | None
    prefix: re.Pattern[str] | None
    rewrites: bool
    abroad: re.Pattern[str] | None

    def holds(self, number: str) -> bool:
        kinds = self.kinds.get(len(number))
        if kinds is None or not self.general.fullmatch(number):
            return False
        for kind in kinds:  # noqa: SIM110 -- runs for every number of every row
            if kind.fullmatch(number):
                return True
        return False


def _lengths(description: PhoneNumberDesc) -> frozenset[int]:
    # -1 stands for "as the general description says".
    return frozenset(length for length in description.possible_length or () if length > 0)


def _kinds(metadata: PhoneMetadata, general: PhoneNumberDesc) -> dict[int, tuple[re.Pattern[str], ...]]:
    described = [found for name in _KINDS if (found := getattr(metadata, name)) and found.national_number_pattern]
    kinds = [(re.compile(found.national_number_pattern), _lengths(found)) for found in described]
    return {
        length: tuple(pattern for pattern, lengths in kinds if not lengths or length in lengths)
        for length in _lengths(general)
    }


@cache
def _plan(region: str) -> _Plan | None:
    """Return the plan of a region, compiled when it is asked for first: there are about 250."""
    metadata = PhoneMetadata.metadata_for_region(region, None)
    general = metadata.general_desc if metadata is not None else None
    if metadata is None or general is None or general.national_number_pattern is None:
        return None
    prefix, abroad = metadata.national_prefix_for_parsing, metadata.international_prefix
    return _Plan(
        calling_code=str(metadata.country_code),
        general=re.compile(general.national_number_pattern),
        kinds=_kinds(metadata, general),
        leading=re.compile(metadata.leading_digits) if metadata.leading_digits else None,
        prefix=re.compile(prefix) if prefix else None,
        rewrites=bool(metadata.national_prefix_transform_rule),
        abroad=re.compile(abroad) if abroad else None,
    )


@cache
def _plans(calling_code: str) -> tuple[_Plan, ...]:
    """Return the plans of a calling code, the main one first; empty where there is no such code, or no region."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code), ()) if calling_code else ()
    return tuple(plan for region in regions if (plan := _plan(region)) is not None)


@cache
def _calling_code(beginning: str) -> str:
    """Return the calling code in the first three digits of a number, or ""."""
    codes = (beginning[:length] for length in range(1, _LONGEST_CALLING_CODE + 1))
    return next((code for code in codes if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), "")


def _is_valid(calling_code: str, number: str) -> bool:
    for plan in _plans(calling_code):
        if plan.leading is None:
            if plan.holds(number):
                return True
        elif plan.leading.match(number):
            return plan.holds(number)
    return False


def _without_prefix(plan: _Plan, number: str) -> str | None:
    """Return the number without what is dialled inside the country alone; None where that takes more than cutting."""
    match = plan.prefix.match(number) if plan.prefix else None
    if match is None or not match.end():
        return number
    if plan.rewrites or match.re.groups:
        return None
    rest = number[match.end() :]
    if plan.general.fullmatch(number) and not plan.general.fullmatch(rest):
        return number
    return rest


def _read_plain(text: str, region: str) -> str | None:
    """Return E.164 where it is certain that the library would return the same, else None."""
    digits = _NO_DIGITS.sub("", text)
    if text.startswith("+"):
        calling_code = _calling_code(digits[:_LONGEST_CALLING_CODE]) if digits and digits[0] != "0" else ""
        plans = _plans(calling_code)
        plan, number = plans[0] if plans else None, digits[len(calling_code) :]
    else:
        plan, number = _plan(region), digits
        # Both may be a number from abroad that lost its plus sign: the library weighs that.
        if plan is not None and (digits.startswith(plan.calling_code) or (plan.abroad and plan.abroad.match(digits))):
            return None
    if plan is None:
        return None
    bare = _without_prefix(plan, number)
    return f"+{plan.calling_code}{bare}" if bare and _is_valid(plan.calling_code, bare) else None


def _read_without_plus(text: str, region: str) -> str | None:
    """Return the number of a cell that a spreadsheet took for a number: 498912345 was +49 89 12345.

    The library would read an area code 0498, because there is one. Where numbers are dialled with a zero, one that has
    lost it and begins like a number from abroad is the latter.
    """
    plan = _plan(region)
    if plan is None or plan.prefix is None or plan.prefix.pattern != "0" or not text.isascii() or not text.isdigit():
        return None
    number = text.removeprefix(plan.calling_code)
    return f"+{text}" if number != text and _is_valid(plan.calling_code, number) else None


def _read_with_library(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone(text: str, region: str = "") -> str | None:
    """Return a number as E.164, or None where it is none: too short, no such area, or national without a region.

    `region` (ISO 3166) is for numbers in national form. An extension is left out.

    >>> phone("(089) 123456", "DE"), phone("+49 (0)89 123456"), phone("089 123456")
    ('+4989123456', '+4989123456', None)
    """
    return _phone(text.strip(), region) if len(text) <= _LONGEST_READ else None


_LONGEST_READ = 250


# Large enough for the switchboards that a file repeats; numbers that occur once pass through.
@lru_cache(maxsize=8192)
def _phone(text: str, region: str) -> str | None:
    if len(text) <= _LONGEST and _PLAIN.fullmatch(text) and (plain := _read_plain(text, region)):
        return plain
    return _read_without_plus(text, region) or _read_with_library(text, region)
