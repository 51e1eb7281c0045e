"""Members into one file, signed."""

from typing import Any

from formats.signing import Signer
from fwtool.bundle import archive, manifest
from fwtool.bundle.collect import Collected
from fwtool.bundle.secrets import without_secrets


def pack(found: Collected, facts: dict[str, Any], signer: Signer) -> bytes:
    """The bundle. The same contents, facts and (deterministic) key give the same bytes.

    Args:
        facts: `created` and what else is to stand in the signed list.

    Raises:
        FormatError: it would be too large (`too_large`).
    """
    whole = without_secrets({**facts, **found.facts})
    first = manifest.sign(whole, found.members, found.missing, signer)
    return archive.build([first, *found.members])
