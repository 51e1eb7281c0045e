"""A stick that fails, lies or is pulled: the system calls of `fwtool.stick` with faults put in their place."""

import errno
import os
from collections.abc import Callable
from typing import Any

import pytest

from fwtool.stick import media, put, stick_file, system

MODULES = (media, put, stick_file, system)
# lseek(2) is not among them: it does not reach the medium.
COUNTED = ("open", "stat", "fstat", "scandir", "read", "write", "fsync", "replace", "unlink", "mkdir")
Act = Callable[..., Any]


class FaultyOs:
    """The module `os`, with other functions under some of its names.

    Args:
        replaced: Function by name; each gets the real one first.
    """

    def __init__(self, **replaced: Act) -> None:
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        act = self._replaced.get(name)
        return real if act is None else lambda *arguments, **options: act(real, *arguments, **options)


def put_in_place(patch: pytest.MonkeyPatch, faulty: object) -> None:
    """From now on the stick is reached through this."""
    for module in MODULES:
        patch.setattr(module, "os", faulty)


class FailAt(FaultyOs):
    """One call fails; or, as when a stick is pulled, it and every one after it.

    Args:
        number: Of the call, from 1 on; 0: none.
        only: Names of the calls that count.
        pulled: Whether all later calls fail too.
    """

    def __init__(self, number: int, *, only: tuple[str, ...] = COUNTED, error: int = errno.EIO, pulled: bool = False) -> None:
        self.calls, self.failed = 0, ""

        def act(name: str, real: Act, *arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == number or (pulled and number and self.calls > number):
                self.failed = self.failed or name
                raise OSError(error, os.strerror(error))
            return None if name == "fsync" else real(*arguments, **options)

        super().__init__(**{name: lambda real, *a, _name=name, **o: act(_name, real, *a, **o) for name in only})


def quick(real: Act, descriptor: int) -> None:
    """Say that it is on the disk; for tests that never look there."""


def short_reads(real: Act, descriptor: int, size: int) -> bytes:
    """As read(2) may: fewer bytes than were asked for."""
    data: bytes = real(descriptor, 1 + size % 977)
    return data
