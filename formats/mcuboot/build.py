"""Building images, byte for byte as imgtool 2.5 does where nothing is random.

The payload is read once, and twice where its decompressed form is signed too. Nothing of its size is held in memory but a
compressed payload (at most 16 MiB) and an image that is signed itself and not by its hash (at most 16 MiB).
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO, Final, NamedTuple

from formats.errors import FormatError
from formats.mcuboot import compression, payload, signatures, tlv, trailer
from formats.mcuboot.encryption import BLOCK, crypt
from formats.mcuboot.header import KINDS, Flags, Header
from formats.mcuboot.header import SIZE as HEADER_SIZE
from formats.mcuboot.kinds import HASHES, Kind
from formats.mcuboot.options import LZMA2_ARM_THUMB, Options
from formats.mcuboot.rules import MAX_SIGNATURES, Signed
from formats.mcuboot.signatures import Signable
from formats.mcuboot.tlv import Tlv
from formats.signing import Signer
from formats.sources import Flat, Image

MAX_PAYLOAD: Final = 2**32 - 1 - BLOCK
_NONE: Final = Flags(0)


def write(image: Image, out: BinaryIO, options: Options, signers: Sequence[Signer] = ()) -> Header:
    """Write an image to `out`.

    Args:
        image: The payload, holes between its pieces filled with erased bytes; its addresses are not used.
        signers: Who signs; nobody: the image has a hash only.

    Returns:
        The header that was written.

    Raises:
        FormatError: options that contradict each other (`usage`), or an image too large for header or slot (`too_large`).
        TrustError: a key that cannot sign images, or a signature that came out wrong.
    """
    options.check()
    return _Builder(image, options, signers).write(out)


def unprotected(digest: Tlv, signed: Iterable[Signed], encryption: Tlv | None, *, pure: bool) -> list[Tlv]:
    """The unprotected records in the order of imgtool."""
    records = [digest, *([Tlv(Kind.SIG_PURE, b"\x01")] if pure else [])]
    for pair in signed:
        records += pair
    return records if encryption is None else [*records, encryption]


class _Region(NamedTuple):
    """What hash and signatures cover."""

    header: Header
    head: bytes
    payload: Callable[[], Iterator[bytes]]
    protected: bytes


class _Seen:
    """Takes from a region that goes by what hash and signatures need."""

    def __init__(self, hash_name: str, *, keep: bool) -> None:
        self._name, self._digest = hash_name, hashlib.new(hash_name)
        self._kept: list[bytes] | None = [] if keep else None
        self._size = 0

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._digest.update(chunk)
            if self._kept is not None:
                self._kept.append(chunk)
                self._size = payload.check_pure(self._size + len(chunk))
            yield chunk

    def signable(self) -> Signable:
        kept = self._kept
        return Signable(self._digest.digest(), self._name, None if kept is None else lambda: b"".join(kept))


class _Builder:
    def __init__(self, image: Image, options: Options, signers: Sequence[Signer]) -> None:
        self.options, self.signers = options, signers
        self.hash_name = signatures.hash_for(signers, options.hash_name, pure=options.pure)
        self.hash_kind = next(kind for kind, name in HASHES.items() if name == self.hash_name)
        self._check_signers()
        self.source = Flat(image, options.erased)
        self.skip = 0 if options.pad_header else options.header_size
        self.size = self.source.size - self.skip
        if not 0 < self.size <= MAX_PAYLOAD:
            raise FormatError(f"a payload of {max(0, self.size)} bytes is not possible", name="usage")
        if self.skip and any(next(self.source.chunks(self.skip))):
            raise FormatError(
                f"the input does not begin with {self.skip} zeros for the header", name="usage",
                hint="Let the header be put in front of it.",
            )  # fmt: skip

    def _check_signers(self) -> None:
        keys = {signer.public.key_id for signer in self.signers}
        if len(keys) != len(self.signers) or len(keys) > MAX_SIGNATURES:
            raise FormatError(f"a key signs once, and at most {MAX_SIGNATURES} sign", name="usage")
        if self.options.compression and len(keys) > 1:
            raise FormatError("a compressed image is signed by one key, since its decompressed form is signed too", name="usage")

    def write(self, out: BinaryIO) -> Header:
        options, encryption = self.options, self.options.encryption
        region = (self._compressed() if options.compression else None) or self._region(self._plain, self.size)
        aes = encryption.new_key() if encryption else None
        seen = _Seen(self.hash_name, keep=options.pure)
        out.writelines(seen.watch([region.head]))
        out.writelines(crypt(seen.watch(region.payload()), None if encryption and encryption.clear else aes))
        out.writelines(seen.watch([region.protected]))
        wrapped = encryption.wrap(aes) if encryption and aes is not None else None
        what = seen.signable()
        records = unprotected(Tlv(self.hash_kind, what.digest), self._sign(what), wrapped, pure=options.pure)
        area = tlv.build(records, tlv.UNPROTECTED_MAGIC, options.order)
        out.write(area)
        if options.slot:
            key_size = len(wrapped.value if options.slot.save_encrypted_key else aes or b"") if wrapped else 0
            end = region.header.tlv_offset + len(area)
            trailer.finish(out, end, options.slot, options.order, options.erased, key_size=key_size)
        return region.header

    def _sign(self, what: Signable) -> list[Signed]:
        options = self.options
        return [
            signatures.sign(signer, what, full_key=options.full_key, pad=options.pad_signature) for signer in self.signers
        ]  # fmt: skip

    def _plain(self) -> Iterator[bytes]:
        """The input without the zeros that are to become the header."""
        left = self.skip
        for chunk in self.source.chunks(payload.STEP):
            rest = chunk[left:]
            left -= len(chunk) - len(rest)
            if rest:
                yield rest

    def _region(
        self, chunks: Callable[[], Iterator[bytes]], size: int, records: Sequence[Tlv] = (), flags: Flags = _NONE, *,
        pad: bool = True,
    ) -> _Region:  # fmt: skip
        """Header, payload and protected area.

        Args:
            records: Protected records about compression.
            flags: About compression.
            pad: Fill the payload up for encryption, if there is any.
        """
        options = self.options
        signer = signatures.key_tlv(self.signers[0].public, self.hash_name).value if self.signers else b""
        tlvs = options.protected(records, signer, self.hash_name, hashlib.new(self.hash_name).digest_size)
        protected = tlv.build(tlvs, tlv.PROTECTED_MAGIC, options.order)
        padding = bytes(-(options.header_size + size) % BLOCK) if pad and options.encryption else b""
        header = KINDS[options.order](
            load_address=options.load_address or options.rom_fixed or 0, header_size=options.header_size,
            protected_size=len(protected), payload_size=size + len(padding), flags=options.flags | flags,
            version=options.version, pad=0,
        )  # fmt: skip
        header.check(header.tlv_offset)
        filler = bytes([options.erased if options.pad_header else 0])
        head = header.build() + filler * (options.header_size - HEADER_SIZE)
        return _Region(header, head, lambda: chain(chunks(), [padding]), protected)

    def _compressed(self) -> _Region | None:
        """The region with a compressed payload, and in its protected area hash and signature of the plain one.

        Returns:
            None: compression would not make the image smaller.
        """
        order, thumb = self.options.order, self.options.compression == LZMA2_ARM_THUMB
        plain = self._region(self._plain, self.size, pad=False)
        seen = _Seen(self.hash_name, keep=self.options.pure)
        for _ in seen.watch(chain([plain.head], plain.payload(), [plain.protected])):
            pass
        what = seen.signable()
        records = [Tlv(Kind.DECOMP_SIZE, struct.pack(order + "I", self.size)), Tlv(Kind.DECOMP_SHA, what.digest)]
        records += [Tlv(Kind.DECOMP_SIGNATURE, signed.signature.value) for signed in self._sign(what)]
        packed = compression.compress(self._plain(), thumb=thumb)
        if len(packed) - compression.HEAD_SIZE + sum(len(record.value) for record in records) >= self.size:
            return None
        if self.options.encryption:
            records.append(Tlv(Kind.COMP_DEC_SIZE, struct.pack(order + "I", len(packed))))
        flags = Flags.LZMA2 | (Flags.ARM_THUMB if thumb else _NONE)
        return self._region(lambda: iter([packed]), len(packed), records, flags)
