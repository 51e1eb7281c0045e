"""What must not leave with a bundle: card numbers, private keys, PINs and passwords. Pure."""

import re
from typing import Any, Final

from fwtool.records.safe import safe

HIDDEN: Final = "(hidden)"
NAMES: Final = re.compile(r"(?i)(passw|passphrase|secret|\bpin\b|pin_value|private|token)")
"""Fields whose text is never shown."""
_WORDS: Final = "pin-value|pin|password|passwd|passphrase|secret|token"
_PATTERNS: Final = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(rf"(?i)\b({_WORDS})(\s*[=:]\s*)[^\s&;,\"']+"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(密码|口令)(\s*[=:：]?\s*)[A-Za-z0-9!-/:-@]+"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(://[^\s/:@]+:)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r";[0-9]{12,19}=[0-9]{4,}\??|%[A-Z][0-9]{12,19}\^[^^]{2,26}\^[^?\s]+\??"), HIDDEN),
)  # fmt: skip
"""PEM private keys (RFC 7468), values behind a name, passwords in URLs (RFC 3986, 3.2.1), tracks 2 and 1 (ISO/IEC 7813)."""


def without_secrets(value: Any, name: str = "") -> Any:
    """The value without them, however deep they lie.

    Args:
        name: The field it stands in.
    """
    return safe(hidden(value, name), name)


def hidden(value: Any, name: str = "") -> Any:
    """The value without keys, PINs and passwords; for what has no card number in it, and must keep its digits."""
    if isinstance(value, dict):
        return {key: hidden(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(inner, name) for inner in value]
    if not isinstance(value, str):
        return value
    return HIDDEN if value and NAMES.search(name) else text_without_secrets(value)


def text_without_secrets(text: str) -> str:
    """Free text without secrets; card numbers are left to `fwtool.records.safe`."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
