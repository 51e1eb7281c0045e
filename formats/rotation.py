"""One trust file after another: the next counts only if enough of the old and of the new say so.

After TUF 1.0 section 5.3: a new root is signed by a threshold of the keys it replaces, so that a thief of the new keys
gains nothing, and by a threshold of its own, so that nobody hands over to keys that do not exist.
"""

from collections.abc import Sequence

from formats import trust
from formats.errors import FormatError, TrustError
from formats.keys import refuse_foreign
from formats.signing import Signature, SignatureBlock, Signer, message_for
from formats.trust import Judged, Trust


def judge(old: Trust, new: Trust, now: float | None = None) -> tuple[Judged, ...]:
    """Whether `new` may take the place of `old`: what each of its signatures is worth to the old one.

    Raises:
        TrustError: signatures are missing, or the version does not rise (`rollback`).
    """
    if new.record.version <= old.record.version:
        raise TrustError(
            f"this trust file has version {new.record.version}, the installed one {old.record.version}: it never goes back",
            name="rollback",
            hint="Give the new one a higher --version.",
        )
    # An expired root still hands over: otherwise a late visit would lock the door for good (TUF 1.0, 5.3.10 likewise).
    judged = old.require("trust", new.digest, new.signatures)
    new.require("trust", new.digest, new.signatures, now)
    return judged


def follow(old: Trust, chain: Sequence[Trust], now: float | None = None) -> Trust:
    """The last of a chain of trust files, each of which is vouched for by the one before. Raises as `judge`."""
    for number, new in enumerate(chain):
        judge(old, new, now if number == len(chain) - 1 else None)
        old = new
    return old


def sign(new: Trust, signers: Sequence[Signer]) -> Trust:
    """The trust file with one more signature for each signer.

    Raises:
        FormatError: no room.
    """
    block: SignatureBlock = new.signatures
    for signer in signers:
        refuse_foreign(signer.public)
        block = block.adding(Signature(signer.public.key_id, signer.sign(message_for("trust", new.digest))))
    return trust.parse(trust.with_head(new.record) + block.build())


def missing(old: Trust, new: Trust) -> str:
    """What `judge` would say is missing, or an empty text."""
    try:
        judge(old, new)
    except (TrustError, FormatError) as error:
        return error.message
    return ""
