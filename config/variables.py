"""One typed read for each kind of environment variable; a wrong value raises an error that names the variable."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
# A name, an IPv4 address or a bracketed IPv6 one; a leading dot takes in subdomains, and `*` everything.
_HOST = re.compile(r"\*|\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\]", re.IGNORECASE)


def checked(name: str, read: Callable[[], T], accept: Callable[[T], bool], wanted: str) -> T:
    """Return what `read` gives if `accept` takes it; else raise `ImproperlyConfigured`: `name` must be `wanted`."""
    try:
        value = read()
        accepted = accept(value)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ImproperlyConfigured(f"{name} must be {wanted}.") from error
    if not accepted:
        raise ImproperlyConfigured(f"{name} must be {wanted}, not {value!r}.")
    return value


def text(name: str, default: str = "") -> str:
    """Return the variable without the white space around it; one that is empty counts as unset."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    # Any unknown word is refused: read as False, a typing mistake would switch a limit off.
    return checked(name, lambda: _FLAGS[text(name, str(default)).lower()], lambda _: True, "true or false")


def whole(name: str, default: int, low: int, high: int) -> int:
    return checked(
        name, lambda: int(text(name, str(default))), lambda v: low <= v <= high, f"a whole number from {low} to {high}"
    )


def words(name: str) -> list[str]:
    return [word.strip() for word in text(name).split(",") if word.strip()]


def hosts(name: str) -> list[str]:
    wanted = "a list of host names without scheme and port, separated by commas"
    return checked(name, lambda: words(name), lambda found: all(map(_HOST.fullmatch, found)), wanted)


def networks(name: str) -> list[str]:
    """Return addresses and networks. `*` is none of them: it would let everybody choose an address."""
    found = words(name)
    for word in found:
        wanted = "a list of IP addresses or networks such as 10.0.0.0/8, separated by commas"
        checked(name, lambda: ipaddress.ip_network(word), lambda _: True, f"{wanted}; {word!r} is none")  # noqa: B023
    return found


def url(name: str, schemes: tuple[str, ...], default: str = "") -> str:
    """Return a URL. What is wrong with it is said without repeating it: it may hold a password."""
    value = text(name, default)
    if value and not _is_url(value, schemes):
        beginnings = ", ".join(f"{scheme}:" for scheme in schemes)
        raise ImproperlyConfigured(
            f"{name} must be a URL that begins with one of {beginnings} and whose port, if it has one, is a number. "
            "Write the special characters of a password as %23, %2F and so on."
        )
    return value


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        # Reading the port is what finds one that is no number.
        return parts.scheme in schemes and parts.port != 0
    except ValueError:
        return False


def origin(name: str, default: str) -> str:
    """Return scheme, host and port of an address, as browsers write it in `Origin`: without the usual port."""
    value = url(name, ("http", "https"), default).rstrip("/")
    parts = urlsplit(value)
    if not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ImproperlyConfigured(f"{name} must be http://… or https://… with a host and no path, not {value!r}.")
    usual = ":443" if parts.scheme == "https" else ":80"
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual)}"


def time_zone(name: str, default: str) -> str:
    wanted = "the name of a time zone such as Europe/Berlin"
    return checked(name, lambda: ZoneInfo(text(name, default)).key, bool, wanted)


def folder(name: str, default: str, base: Path) -> Path:
    """Return a folder, which is made unless it exists. A relative path starts at `base`."""
    try:
        path = base / Path(text(name, default)).expanduser()
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise ImproperlyConfigured(f"{name} must be a folder that can be written: {error}.") from error
    return path
