"""The manifest: what the package is, whom it is for, and its components. Declared with construct, parsed after the
signature has been checked (or for `image show`, which trusts nothing it shows). Its rules: `formats.fwp.rules`.
"""

import enum
import functools

import construct as c

from formats.errors import FormatError
from formats.fwp.coding import Cipher, Encoding
from formats.fwp.table import Shape
from formats.fwp.wrapping import Recipient
from formats.record import Choice, Counted, Nested, Record, Text, reserved
from formats.versions import VERSION_SIZE, Hardware, Version

MAX_COMPONENTS = 32
MAX_NOTES = 16
MAX_RECIPIENTS = 16
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
    SBOM = 11
    """CycloneDX, JSON."""
    PROVENANCE = 12
    """Where the bytes come from: an in-toto statement, JSON."""


DOCUMENTS = (ComponentType.SBOM, ComponentType.PROVENANCE)


class Slot(enum.IntEnum):
    """Where a component goes."""

    ANY = 0
    """Where the device puts it."""
    NOWHERE = 1
    """It stays in the file: a document for people, that is never sent."""


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
    about: int
    """1 + index of the component that this document describes; zero: the whole package, or no document."""
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
        "about" / c.Int8ul,
        "_reserved" / reserved(1),
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

    @property
    def is_coded(self) -> bool:
        """Whether its blocks are stored otherwise than installed."""
        return self.encoding is not Encoding.NONE or self.cipher is not Cipher.NONE

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
    recipients: tuple[Recipient, ...]
    """Whose devices can read the encrypted components."""
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
        "recipients" / Counted(c.Int8ul, Nested(Recipient), at_most=MAX_RECIPIENTS),
    )

    @property
    def hardware(self) -> Hardware:
        return Hardware(self.model, self.revision_min, self.revision_max)

    @functools.cached_property
    def installed(self) -> tuple[Component, ...]:
        """What goes to a device: all but the documents, which stand behind them."""
        return tuple(component for component in self.components if component.slot is not Slot.NOWHERE)

    @functools.cached_property
    def block_count(self) -> int:
        """Blocks that go to a device; they are numbered from 0."""
        return sum(component.block_count(self.block_size) for component in self.installed)

    @functools.cached_property
    def table_shape(self) -> Shape:
        """Of the table, which has an entry for every block, those of documents too."""
        blocks = sum(component.block_count(self.block_size) for component in self.components)
        return Shape(blocks, any(component.is_coded for component in self.components))

    @property
    def installed_size(self) -> int:
        """Bytes that end up in a device."""
        return sum(component.installed_size for component in self.installed)

    def block_lengths(self) -> tuple[tuple[Component, int], ...]:
        """Every installed component with its number of blocks, in block order."""
        return tuple((component, component.block_count(self.block_size)) for component in self.installed)

    def component_of(self, block: int) -> Component:
        """The component that a block belongs to."""
        return next(component for component in reversed(self.components) if component.first_block <= block)

    def installed_length(self, index: int) -> int:
        """Installed bytes of block `index` (the last block of a component may be short).

        Raises:
            IndexError: no such block.
        """
        if not 0 <= index < self.table_shape.blocks:
            raise IndexError(index)
        component = self.component_of(index)
        return min(self.block_size, component.installed_size - (index - component.first_block) * self.block_size)
