"""Where things lie in the terminal's flash (docs/device/boot.md draws it)."""

from typing import Final

from hwsim.flash import BLOCK, SECTOR

FLASH_SIZE: Final = 16 << 20
BOOT_STATE: Final = (0x010000, 0x011000)
"""Two sectors that take turns."""
TRUST: Final = 0x020000
TRUST_SIZE: Final = BLOCK
SERIAL: Final = 0x012000
"""A sector of its own, written once."""
JOURNAL: Final = 0x030000
JOURNAL_SIZE: Final = 16 * SECTOR
SLOTS: Final = (0x040000, 0x820000)
SLOT_SIZE: Final = 0x7E0000
HEADS: Final = (0, 2 * BLOCK)
"""In a slot: two heads that take turns, so that a new one can be written where all is erased already."""
HEAD_SIZE: Final = 2 * BLOCK
TABLE_OFFSET: Final = BLOCK
"""In a head: sizes, signed region and signatures, then the block table."""
MAX_TABLE: Final = HEAD_SIZE - TABLE_OFFSET
PAYLOAD_OFFSET: Final = 4 * BLOCK
CAPACITY: Final = SLOT_SIZE - PAYLOAD_OFFSET
