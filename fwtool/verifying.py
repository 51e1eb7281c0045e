"""Verifying an image of any signed format: every check with what became of it."""

import dataclasses
import pathlib
import time
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from formats.errors import FormatError, ToolError
from formats.fwp import explain as fwp_explain
from formats.fwp import header, wrapping
from formats.keys import refuse_foreign
from formats.outcomes import Check, first_error
from formats.trust import Trust
from fwtool.files import open_input
from fwtool.key_files import KeyFile
from fwtool.package_facts import describe_package

Found: TypeAlias = tuple[dict[str, Any], list[Check]]
"""What the file holds, and what was checked."""


class Verified(NamedTuple):
    """What was found."""

    facts: dict[str, Any]
    """What the file holds, as far as it was good; and `checks`."""
    error: ToolError | None


def verify(path: pathlib.Path, trust: Trust, decrypt_keys: Sequence[KeyFile] = ()) -> Verified:
    """Check a file completely.

    Args:
        decrypt_keys: Files with what encrypted content is opened with.

    Raises:
        LocalError: it cannot be read.
        FormatError: a format that carries no signatures.
    """
    with open_input(path) as file:
        check = _check_package if file.read(len(header.MAGIC)) == header.MAGIC else _check_image
        facts, checks = check(file, trust, decrypt_keys)
    return Verified({**facts, "checks": [as_json(check) for check in checks]}, first_error(checks))


def _check_package(file: BinaryIO, trust: Trust, decrypt_keys: Sequence[KeyFile]) -> Found:
    for trusted in trust.keys:
        refuse_foreign(trusted)
    groups = [wrapping.read_private(*key.read()) for key in decrypt_keys]
    found = fwp_explain.explain(file, trust, time.time(), groups)
    return describe_package(found.package) if found.package else {}, list(found.checks)


def _check_image(file: BinaryIO, trust: Trust, decrypt_keys: Sequence[KeyFile]) -> Found:
    from formats.mcuboot import image  # packages do not wait for this
    from fwtool import mcuboot

    file.seek(0)
    if not image.recognise(file.read(4)):
        hint = "Packages and MCUboot images do: fwtool image build, fwtool image convert --to mcuboot."
        raise FormatError("this format carries no signatures", name="unsupported_format", hint=hint)
    trust.check_time(time.time())
    key = mcuboot.decryption_key(decrypt_keys[0]) if decrypt_keys else None
    return mcuboot.describe(file), mcuboot.explain(image.open_image(file), trust, time.time(), key)


def as_json(check: Check) -> dict[str, Any]:
    return {key: str(value) if key == "outcome" else value for key, value in dataclasses.asdict(check).items() if key != "hint"}
