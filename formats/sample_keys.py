"""The throwaway keys of firmware_samples/keys: everybody has their private halves, so they vouch for nothing.

Their ids are built in, so that a package signed with one, or a trust file that holds one, is refused outside `--dev`.
"""

from collections.abc import Iterable
from typing import Final

from formats.errors import TrustError
from formats.keys import PublicKey

SAMPLE_KEY_IDS: Final = frozenset(
    (
        bytes.fromhex("65004565eab48ca922c217c1ad6082998eee53cbe7ee94b98216e4bdafa8e0e6"),  # sample-ed25519
        bytes.fromhex("27c2424f4ef7a4aa1586eef34ea5f6800772e6d889a5077497e5233ff06851e3"),  # sample-second-ed25519
        bytes.fromhex("eef831f4eda1d1073029ba977a564258ec64ad5be8eee42fe3e2b752eaffb888"),  # sample-ecdsa-p256
    )
)


def refuse_samples(keys: Iterable[PublicKey], *, dev: bool) -> None:
    """Let sample keys pass only with `dev`.

    Raises:
        TrustError: `sample_key`.
    """
    if dev:
        return
    for key in keys:
        if key.key_id in SAMPLE_KEY_IDS:
            raise TrustError(
                f"{key.key_id.hex()[:16]} is a sample key: its private half is public",
                name="sample_key",
                hint="Use keys of your own (fwtool keys generate); for trying things out, add --dev.",
            )
