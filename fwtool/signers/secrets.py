"""Passphrases and PINs: from a file, an open descriptor, or the person at the keyboard; never from the command line, where
every process of the computer could read them."""

import os
import pathlib
from collections.abc import Callable

from formats.errors import ToolError
from fwtool.files import read_small

MAX_SECRET = 4096


def first_line(path: pathlib.Path) -> bytes:
    """The first line of a passphrase file.

    Raises:
        ToolError: there is nothing in it (`usage`).
    """
    return _checked(read_small(path, MAX_SECRET), str(path))


def from_descriptor(number: int) -> bytes:
    """The first line that an open file descriptor gives.

    Raises:
        ToolError: it is not open, or gives nothing (`usage`).
    """
    data = b""
    try:
        while b"\n" not in data and len(data) < MAX_SECRET:
            more = os.read(number, MAX_SECRET - len(data))
            if not more:
                break
            data += more
    except OSError as error:
        raise ToolError(f"descriptor {number} cannot be read: {error.strerror}", name="usage") from error
    return _checked(data, f"descriptor {number}")


def _checked(data: bytes, where: str) -> bytes:
    line = data.split(b"\n", 1)[0].rstrip(b"\r")
    if not line:
        raise ToolError(f"{where} holds no passphrase", name="usage")
    return line


class Secrets:
    """Gives the secret that something asks for, when it asks.

    Args:
        given: A secret from a file or descriptor, used for all that ask.
        ask: Prompts a person; None where there is nobody.
    """

    def __init__(self, given: bytes | None = None, ask: Callable[[str], bytes] | None = None) -> None:
        self._given, self._ask = given, ask

    def get(self, what: str) -> bytes:
        """The secret for `what`, named as a person would.

        Raises:
            ToolError: nobody to ask (`usage`).
        """
        if self._given is not None:
            return self._given
        if self._ask is None:
            raise ToolError(
                f"the secret of {what} is needed, and there is nobody to ask", name="usage",
                hint="Give it with --passphrase-file FILE or --passphrase-fd N.",
            )  # fmt: skip
        return self._ask(what)
