"""Verifying an image of any signed format: every check with what became of it."""

import dataclasses
import pathlib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from formats.errors import FormatError, ToolError
from formats.fwp import explain as fwp_explain
from formats.fwp import header
from formats.fwp.wrapping import GroupKey
from formats.outcomes import Check, first_error
from formats.trust import Trust
from fwtool.files import open_input
from fwtool.images import describe_package


class Verified(NamedTuple):
    """What was found."""

    facts: dict[str, Any]
    """What the file holds, as far as it was good; and `checks`."""
    error: ToolError | None


def verify(path: pathlib.Path, trust: Trust, groups: Sequence[GroupKey] = ()) -> Verified:
    """Check a file completely.

    Args:
        groups: What encrypted components are opened with.

    Raises:
        LocalError: it cannot be read.
        FormatError: a format that carries no signatures.
    """
    with open_input(path) as file:
        start = file.read(header.SIZE)
        if start[:8] != header.MAGIC:
            raise FormatError(
                "this format carries no signatures", name="unsupported_format", hint="Packages do: fwtool image build."
            )
        found = fwp_explain.explain(file, trust, time.time(), groups)
        facts = describe_package(found.package) if found.package else {}
    return Verified({**facts, "checks": [as_json(check) for check in found.checks]}, first_error(found.checks))


def as_json(check: Check) -> dict[str, Any]:
    return {key: str(value) if key == "outcome" else value for key, value in dataclasses.asdict(check).items() if key != "hint"}
