"""The manifest: what the package is, whom it is for, and its components. Declared with construct, parsed after the
signature has been checked (or for `image show`, which trusts nothing it shows).
"""

import enum
from typing import Self

import construct as c

from formats.errors import FormatError
from formats.fwp import table
from formats.fwp.header import MAX_MANIFEST
from formats.record import Choice, Counted, Nested, Record, Text, reserved
from formats.versions import VERSION_SIZE, Hardware, Version

MAX_COMPONENTS = 32
MAX_NOTES = 16
NO_ADDRESS = 2**64 - 1
BLOCK_SIZES = (4096, 8192, 16384, 32768, 65536)
MAKER_RANGE = range(0x8000, 0x10000)


class ComponentType(enum.IntEnum):
    """What a component is. 0x8000 and up belong to makers."""

    BOOTLOADER = 1
    OS = 2
    APPLICATION = 3
    SECURE = 4
    MODEM = 5
    PRINTER = 6
    PARAMETERS = 7
    TRUST = 8
    PERMIT = 9
    DATA = 10


class Encoding(enum.IntEnum):
    """How the stored form of a block differs from the installed one. Version 1 knows only: not at all."""

    NONE = 0


class Cipher(enum.IntEnum):
    """How a block is encrypted. Version 1 knows only: not at all."""

    NONE = 0


class Slot(enum.IntEnum):
    """Where a component goes. Version 1 knows only: where the device puts it."""

    ANY = 0


class VersionField(c.Adapter):  # type: ignore[type-arg]
    """Eight bytes of `formats.versions.Version`."""

    def __init__(self) -> None:
        super().__init__(c.Bytes(VERSION_SIZE))

    def _decode(self, obj: bytes, context: object, path: object) -> Version:
        del context, path
        return Version.unpack(obj)

    def _encode(self, obj: Version, context: object, path: object) -> bytes:
        del context, path
        return obj.pack()


class TypeField(c.Adapter):  # type: ignore[type-arg]
    """A component type: one of `ComponentType`, or a number of the maker's range."""

    def __init__(self) -> None:
        super().__init__(c.Int16ul)

    def _decode(self, obj: int, context: object, path: object) -> int:
        del context, path
        if obj in MAKER_RANGE:
            return obj
        try:
            return ComponentType(obj)
        except ValueError:
            raise FormatError(f"unknown component type {obj}", name="unsupported_format") from None

    def _encode(self, obj: int, context: object, path: object) -> int:
        return self._decode(int(obj), context, path)


class Component(Record):
    """One image of the set."""

    type: int
    encoding: Encoding
    cipher: Cipher
    slot: Slot
    variant_of: int
    """1 + index of the component this one is an alternative to; zero (none) in version 1."""
    version: Version
    address: int
    """Where the first byte is loaded; `NO_ADDRESS` for what has no address."""
    installed_size: int
    """Bytes after decoding: what ends up in the flash."""
    stored_size: int
    """Bytes in the payload section."""
    first_block: int
    """Number of its first block; the components' blocks are numbered on, in order."""
    digest: bytes
    """SHA-256 over the digests of its blocks, in order."""
    base_digest: bytes
    """Digest of the component this is a delta against; zero in version 1."""
    name: str
    LAYOUT = c.Struct(
        "type" / TypeField(),
        "encoding" / Choice(c.Int8ul, Encoding),
        "cipher" / Choice(c.Int8ul, Cipher),
        "slot" / Choice(c.Int8ul, Slot),
        "variant_of" / c.Const(0, c.Int8ul),
        "_reserved" / reserved(2),
        "version" / VersionField(),
        "address" / c.Int64ul,
        "installed_size" / c.Int64ul,
        "stored_size" / c.Int64ul,
        "first_block" / c.Int32ul,
        "digest" / c.Bytes(32),
        "base_digest" / c.Const(bytes(32)),
        "name" / Text(),
    )

    @property
    def type_name(self) -> str:
        return ComponentType(self.type).name.lower() if self.type not in MAKER_RANGE else f"maker_{self.type:04x}"

    def block_count(self, block_size: int) -> int:
        return -(-self.installed_size // block_size)


class Note(Record):
    """Release notes in one language (BCP 47 tag)."""

    language: str
    text: str
    LAYOUT = c.Struct("language" / Text(), "text" / Text(c.Int16ul, lines=True))


class Manifest(Record):
    """What is signed besides the sizes."""

    block_size: int
    security_counter: int
    version: Version
    minimum_version: Version
    """The oldest version that may be updated from; 0.0.0 for any."""
    revision_min: int
    revision_max: int
    build_time: int
    """Seconds since 1970-01-01 UTC, from SOURCE_DATE_EPOCH."""
    package_id: str
    vendor: str
    model: str
    build_id: str
    components: tuple[Component, ...]
    notes: tuple[Note, ...]
    LAYOUT = c.Struct(
        "_version" / c.Const(1, c.Int16ul),
        "_reserved" / reserved(2),
        "block_size" / c.Int32ul,
        "security_counter" / c.Int32ul,
        "version" / VersionField(),
        "minimum_version" / VersionField(),
        "revision_min" / c.Int32ul,
        "revision_max" / c.Int32ul,
        "build_time" / c.Int64ul,
        "package_id" / Text(),
        "vendor" / Text(),
        "model" / Text(),
        "build_id" / Text(),
        "components" / Counted(c.Int8ul, Nested(Component), at_most=MAX_COMPONENTS),
        "notes" / Counted(c.Int8ul, Nested(Note), at_most=MAX_NOTES),
    )

    @property
    def hardware(self) -> Hardware:
        return Hardware(self.model, self.revision_min, self.revision_max)

    @property
    def block_count(self) -> int:
        return sum(component.block_count(self.block_size) for component in self.components)

    @property
    def installed_size(self) -> int:
        return sum(component.installed_size for component in self.components)

    def block_lengths(self) -> tuple[tuple[Component, int], ...]:
        """Every component with its number of blocks, in block order."""
        return tuple((component, component.block_count(self.block_size)) for component in self.components)

    def installed_length(self, index: int) -> int:
        """Installed bytes of block `index` (the last block of a component may be short).

        Raises:
            IndexError: no such block.
        """
        for component, count in self.block_lengths():
            if index < component.first_block + count:
                within = index - component.first_block
                return min(self.block_size, component.installed_size - within * self.block_size)
        raise IndexError(index)

    @classmethod
    def read(cls, data: bytes, *, table_size: int, payload_size: int, offset: int) -> Self:
        """Parse a manifest and hold it against the sizes of the table and the payload.

        Raises:
            FormatError: damaged, or its numbers do not fit each other.
        """
        manifest = cls.parse(data, what="the manifest", offset=offset)
        manifest.check(offset)
        if table.size_for(manifest.block_count) != table_size:
            raise FormatError("the block table does not have the size its components need", offset=offset)
        if sum(component.stored_size for component in manifest.components) != payload_size:
            raise FormatError("the components do not add up to the payload", offset=offset)
        return manifest

    def check(self, offset: int | None = None) -> None:
        """Rules that hold between fields.

        Raises:
            FormatError: one of them does not hold.
        """

        def refuse(reason: str) -> None:
            raise FormatError(reason, offset=offset)

        if self.block_size not in BLOCK_SIZES:
            refuse(f"block size {self.block_size} is none of {', '.join(map(str, BLOCK_SIZES))}")
        if not self.components:
            refuse("the package holds no component")
        if self.revision_min > self.revision_max or not self.model:
            refuse("the hardware range is empty")
        names = [component.name for component in self.components]
        if len(set(names)) != len(names) or not all(names):
            refuse("component names must be there and different")
        languages = [note.language for note in self.notes]
        if len(set(languages)) != len(languages):
            refuse("release notes hold a language twice")
        self._check_components(refuse)

    def _check_components(self, refuse: object) -> None:
        assert callable(refuse)
        expected_block = 0
        ranges = []
        for component in self.components:
            if component.installed_size == 0 or component.first_block != expected_block:
                refuse(f"component {component.name!r} is empty or numbers its blocks wrongly")
            if component.encoding is Encoding.NONE and component.stored_size != component.installed_size:
                refuse(f"component {component.name!r} has two different sizes, yet is not encoded")
            expected_block += component.block_count(self.block_size)
            if component.address != NO_ADDRESS:
                end = component.address + component.installed_size
                if end > NO_ADDRESS:
                    refuse(f"component {component.name!r} ends beyond the address space")
                ranges.append((component.address, end, component.name))
        ranges.sort()
        for (_, end, first), (start, _, second) in zip(ranges, ranges[1:], strict=False):
            if start < end:
                refuse(f"components {first!r} and {second!r} overlap at 0x{start:08x}")
        if expected_block >= 2**32:
            refuse("the package has too many blocks")


def check_size(size: int) -> None:
    """A manifest must fit the smallest device's buffer.

    Raises:
        FormatError: it is too large.
    """
    if size > MAX_MANIFEST:
        raise FormatError(
            f"the manifest would be {size} bytes, at most {MAX_MANIFEST} are allowed",
            name="too_large",
            hint="Shorten the release notes.",
        )
