"""Keeps secrets out of what is imported: passwords and keys by their names, and addresses that carry one.

What is kept of an old store beside the known fields is kept for people to look at, and nobody checks it line by line.
"""

from __future__ import annotations

import re

from builders.importing.headers import words_of

_SECRET_NAME = re.compile(
    r"\b(pass|passwd|passwords?|passphrase|pwd|secrets?|tokens?|credentials?|auth|authdata|authorization|keys?|apikeys?|salt|dsn|"
    r"otp|mfa|cookie|session|hash|hashed|webhook url|connection string|database url)\b"
)
# Names in which such a word means something else.
_NO_SECRET_NAME = re.compile(
    r"\b(keywords?|key (words?|features?|contacts?|clients?|persons?|people|accounts?|services?))\b"
)
# An address with a key, a signature or a password in it; keys of Google and Stripe; a private key; a signed token.
_SECRET_VALUE = re.compile(
    r"[?&](?:\w*key|\w*token|sig|signature|password|secret)=|://[^/\s:@]+:[^/\s@]+@|\bAIza[\w-]{30,}|"
    r"\b[sr]k_(?:live|test)_\w+|-----BEGIN|\beyJ[\w-]{10,}\.[\w-]+\.[\w-]+|\$2[aby]\$\d\d\$|\$argon2|\bpbkdf2",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Return whether what stands under this name is nobody's business.

    >>> is_secret_name("hashedPassword"), is_secret_name("stripe_api_key"), is_secret_name("keyClients")
    (True, True, False)
    """
    words = words_of(name)
    return _SECRET_NAME.search(words) is not None and _NO_SECRET_NAME.search(words) is None


def without_secrets(value: object, path: str = "") -> tuple[object, list[str]]:
    """Return a JSON value without secrets, and the paths of what was left out."""
    if isinstance(value, str):
        return (None, [path]) if _SECRET_VALUE.search(value) else (value, [])
    if isinstance(value, list):
        results = [without_secrets(item, f"{path}[{index}]") for index, item in enumerate(value)]
        return [kept for kept, names in results if kept is not None or not names], [
            n for _, names in results for n in names
        ]
    if not isinstance(value, dict):
        return value, []
    kept: dict[str, object] = {}
    left_out: list[str] = []
    for key, item in value.items():
        inner = f"{path}.{key}" if path else str(key)
        if is_secret_name(str(key)):
            left_out.append(inner)
            continue
        cleaned, names = without_secrets(item, inner)
        left_out += names
        if cleaned is not None or item is None:
            kept[key] = cleaned
    return kept, left_out
