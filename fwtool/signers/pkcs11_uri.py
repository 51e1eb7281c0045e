"""PKCS#11 URIs (RFC 7512): which token, which key, which library."""

import dataclasses
import os
import pathlib
import urllib.parse
from typing import Final

from formats.errors import ToolError

MODULE_VARIABLE: Final = "FWTOOL_PKCS11_MODULE"
_PATH: Final = frozenset({"token", "object", "id", "serial", "manufacturer", "model"})
_QUERY: Final = frozenset({"pin-source", "module-path"})


@dataclasses.dataclass(frozen=True)
class KeyUri:
    """A key on a token."""

    module: pathlib.Path
    """The vendor's library."""
    token: dict[str, str]
    """Attributes that choose the token: `token` (its label), `serial`, `manufacturer`, `model`."""
    label: str | None
    key_id: bytes | None
    pin_source: pathlib.Path | None


def parse(text: str) -> KeyUri:
    """Read a URI.

    Raises:
        ToolError: not one, or one with the PIN in it (`usage`).
    """
    path, _, query = text.partition(":")[2].partition("?")
    attributes = _pairs(path, ";", _PATH, text)
    options = _pairs(query, "&", _QUERY, text)
    module = options.get("module-path") or os.environ.get(MODULE_VARIABLE, "")
    if not module:
        raise ToolError(
            "which PKCS#11 library? The URI names none", name="usage",
            hint=f"Add ?module-path=/path/of/library.so to it, or set {MODULE_VARIABLE}.",
        )  # fmt: skip
    label, key_id = attributes.get("object"), attributes.get("id")
    if label is None and key_id is None:
        raise ToolError("the PKCS#11 URI names no key", name="usage", hint="Add object=LABEL or id=%01 to it.")
    source = options.get("pin-source")
    return KeyUri(
        pathlib.Path(module),
        {name: attributes[name] for name in ("token", "serial", "manufacturer", "model") if name in attributes},
        label,
        None if key_id is None else _bytes(key_id),
        None if source is None else pathlib.Path(source.removeprefix("file:")),
    )


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise ToolError("the id in a PKCS#11 URI is made of bytes, written %01%02", name="usage") from error


def _pairs(text: str, separator: str, known: frozenset[str], whole: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, text.split(separator)):
        name, equals, value = pair.partition("=")
        if "pin-value" in whole or "pinvalue" in whole:
            raise ToolError(
                "a PIN does not belong on the command line: every process can read it there", name="usage",
                hint="Use pin-source=file:PIN.txt in the URI, --passphrase-file or the prompt.",
            )  # fmt: skip
        if not equals or name not in known or name in found:
            raise ToolError(
                f"{name[:32]!r} is not understood in a PKCS#11 URI", name="usage",
                hint="Known: token, serial, manufacturer, model, object, id; module-path, pin-source.",
            )  # fmt: skip
        encoding = "latin-1" if name == "id" else "utf-8"
        found[name] = urllib.parse.unquote(value, encoding=encoding)
    return found
