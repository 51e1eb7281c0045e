"""What an image is made of besides its bytes."""

import dataclasses
from collections.abc import Sequence
from typing import Final, Literal

from formats.errors import FormatError
from formats.mcuboot import metadata
from formats.mcuboot.encryption import BLOCK, Encryption
from formats.mcuboot.header import BIG, LITTLE, MAX_HEADER, SIZE, Flags
from formats.mcuboot.kinds import is_vendor
from formats.mcuboot.metadata import BootRecord, Dependency
from formats.mcuboot.tlv import Tlv
from formats.mcuboot.trailer import ERASED_VALUES, Slot
from formats.versions import Version

AUTO: Final = "auto"
LZMA2, LZMA2_ARM_THUMB = "lzma2", "lzma2armthumb"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """How to build an image; the options of `imgtool sign` under other names."""

    version: Version
    header_size: int = SIZE
    pad_header: bool = True
    """Put a header in front of the input. Otherwise the input begins with that many zeros, and they become the header."""
    big_endian: bool = False
    security_counter: int | Literal["auto"] | None = None
    """`auto`: from the version."""
    dependencies: tuple[Dependency, ...] = ()
    vendor: str | None = None
    """UUID, or domain of the maker."""
    image_class: str | None = None
    """UUID, or name of the kind of image, relative to the vendor."""
    vendor_tlvs: tuple[tuple[int, bytes], ...] = ()
    """Types and values of protected records of one's own."""
    boot_record: str | None = None
    """Role of the software for attestation, up to 12 characters."""
    load_address: int | None = None
    """Copy to RAM and run there."""
    rom_fixed: int | None = None
    """Run from this place in the flash only."""
    bootable: bool = True
    hash_name: str = ""
    """sha256, sha384, sha512; empty: what goes with the keys."""
    pure: bool = False
    """Sign the image itself instead of its hash (Ed25519)."""
    full_key: bool = False
    """Carry the whole public key, not its hash."""
    pad_signature: bool = False
    """Pad ECDSA signatures to a fixed size, for boot loaders before 1.5."""
    encryption: Encryption | None = None
    compression: Literal["", "lzma2", "lzma2armthumb"] = ""
    """Compress, if that makes the image smaller."""
    slot: Slot | None = None
    """Where it goes; the image is held against its size, and padded to it if the slot says so."""
    erased: int = 0xFF
    """What an erased byte of the flash reads as."""

    @property
    def order(self) -> str:
        return BIG if self.big_endian else LITTLE

    @property
    def flags(self) -> Flags:
        """Of the header, without compression."""
        found = Flags(0)
        if self.encryption:
            found |= Flags.ENCRYPTED_AES256 if self.encryption.key_size > BLOCK else Flags.ENCRYPTED_AES128
        if not self.bootable:
            found |= Flags.NON_BOOTABLE
        if self.load_address is not None:
            found |= Flags.RAM_LOAD
        if self.rom_fixed is not None:
            found |= Flags.ROM_FIXED
        return found

    def check(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            FormatError: it does (`usage`).
        """
        if not SIZE <= self.header_size <= MAX_HEADER:
            raise FormatError(f"a header has {SIZE} to {MAX_HEADER} bytes, not {self.header_size}", name="usage")
        if self.load_address is not None and self.rom_fixed is not None:
            raise FormatError("an image runs either from RAM or from a place in the flash", name="usage")
        if self.erased not in ERASED_VALUES:
            raise FormatError("an erased byte reads as 0xff or 0", name="usage")
        numbers = [number for number, _ in self.vendor_tlvs]
        wrong = next((n for n in numbers if not is_vendor(n) or numbers.count(n) > 1), None)
        if wrong is not None:
            raise FormatError(
                f"TLV 0x{wrong:04x} is given twice, or is not a vendor's", name="usage",
                hint="Take one whose low byte is 0xa0 or more, e.g. 0x00a0.",
            )  # fmt: skip
        images = [dependency.image for dependency in self.dependencies]
        if len(set(images)) != len(images):
            raise FormatError("an image depends on another one once", name="usage")
        for part in (self.encryption, self.slot):
            if part is not None:
                part.check()

    def protected(self, compression: Sequence[Tlv], signer: bytes, hash_name: str, hash_size: int) -> list[Tlv]:
        """The protected records in the order of imgtool.

        Args:
            compression: Those about compression.
            signer: Hash of the key that signs first, for the boot record; empty: nobody signs.

        Raises:
            FormatError: a value does not fit.
        """
        found = []
        if self.security_counter is not None:
            automatic = metadata.automatic_counter(self.version)
            counter = automatic if self.security_counter == AUTO else self.security_counter
            found.append(metadata.counter_tlv(counter, self.order))
        if self.boot_record is not None:
            version = "{}.{}.{}".format(*self.version)
            record = BootRecord(self.boot_record, version, signer or bytes(32), hash_name.upper(), bytes(hash_size))
            found.append(metadata.boot_record_tlv(record))
        found += [metadata.dependency_tlv(dependency, self.order) for dependency in self.dependencies]
        found += compression
        found += metadata.identity_tlvs(self.vendor, self.image_class)
        return found + [Tlv(number, value) for number, value in self.vendor_tlvs]
