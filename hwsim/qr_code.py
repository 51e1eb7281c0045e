"""A QR code (ISO/IEC 18004) of one size: model 2, version 3, error correction M, byte mode, mask 0; 29 modules, 42 bytes."""

from typing import Final

SIZE: Final = 29
CAPACITY: Final = 42
"""Bytes of text."""
_DATA, _CHECK = 44, 26
"""Codewords (table 9): one block."""
_FORMAT: Final = 0x5412
"""Level M and mask 0 with their check bits, masked (annex C)."""
_ALIGNED: Final = 22
_FINDERS: Final = ((0, 0), (SIZE - 7, 0), (0, SIZE - 7))
Grid = list[list[bool]]


def modules(text: str) -> Grid:
    """Rows of modules; true is dark. A text that is too long is cut between characters."""
    dark = [[False] * SIZE for _ in range(SIZE)]
    taken = [[False] * SIZE for _ in range(SIZE)]
    _fixed(dark, taken)
    bits = [byte >> shift & 1 for byte in _codewords(text) for shift in range(7, -1, -1)]
    places = [(x, y) for x, y in _zigzag() if not taken[y][x]]
    for (x, y), bit in zip(places, bits + [0] * (len(places) - len(bits)), strict=True):
        dark[y][x] = bool(bit) ^ ((x + y) % 2 == 0)
    return dark


def _codewords(text: str) -> bytes:
    """Mode, length, text, end, padding (7.4), and the check words behind them."""
    raw = text.encode()[:CAPACITY].decode("utf-8", "ignore").encode()
    number = 0b0100 << 8 | len(raw)
    number = (number << 8 * len(raw) | int.from_bytes(raw, "big")) << 4
    data = number.to_bytes(len(raw) + 2, "big")
    data += bytes((0xEC, 0x11)[at % 2] for at in range(_DATA - len(data)))
    return data + _remainder(data)


def _times(left: int, right: int) -> int:
    """In GF(256) with x^8 + x^4 + x^3 + x^2 + 1 (annex A)."""
    product = 0
    for shift in range(7, -1, -1):
        product = product << 1 ^ (product >> 7) * 0x11D
        product ^= (right >> shift & 1) * left
    return product


def _generator() -> list[int]:
    """(x - 1)(x - 2)(x - 4)..., without its first coefficient."""
    found, root = [0] * (_CHECK - 1) + [1], 1
    for _ in range(_CHECK):
        found = [_times(one, root) ^ (found[at + 1] if at + 1 < _CHECK else 0) for at, one in enumerate(found)]
        root = _times(root, 2)
    return found


def _remainder(data: bytes) -> bytes:
    divisor, rest = _generator(), [0] * _CHECK
    for byte in data:
        factor = byte ^ rest[0]
        rest = [one ^ _times(of, factor) for one, of in zip([*rest[1:], 0], divisor, strict=True)]
    return bytes(rest)


def _fixed(dark: Grid, taken: Grid) -> None:
    """Finders with their borders, timing, alignment, format, and the one module that is always dark."""

    def put(x: int, y: int, value: object) -> None:
        if 0 <= x < SIZE and 0 <= y < SIZE:
            dark[y][x], taken[y][x] = bool(value), True

    for at in range(SIZE):
        put(6, at, at % 2 == 0)
        put(at, 6, at % 2 == 0)
    for left, top in _FINDERS:
        for dx, dy in _around_centre(4):
            put(left + 3 + dx, top + 3 + dy, max(abs(dx), abs(dy)) not in (2, 4))
    for dx, dy in _around_centre(2):
        put(_ALIGNED + dx, _ALIGNED + dy, max(abs(dx), abs(dy)) != 1)
    for bit, places in enumerate(zip(_around(), _apart(), strict=True)):
        for place in places:
            put(*place, _FORMAT >> bit & 1)
    put(8, SIZE - 8, True)


def _around_centre(reach: int) -> list[tuple[int, int]]:
    return [(dx, dy) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1)]


def _around() -> list[tuple[int, int]]:
    """Places of the format's bits, lowest first, around the first finder (figure 25)."""
    return [*((8, y) for y in (0, 1, 2, 3, 4, 5, 7, 8)), *((x, 8) for x in (7, 5, 4, 3, 2, 1, 0))]


def _apart() -> list[tuple[int, int]]:
    """The same at the other two."""
    return [*((SIZE - 1 - at, 8) for at in range(8)), *((8, SIZE - 7 + at) for at in range(7))]


def _zigzag() -> list[tuple[int, int]]:
    """All places in the order of the data: columns in pairs from the right, up and down in turns, without the timing column."""
    found = []
    for number, right in enumerate([*range(SIZE - 1, 6, -2), 5, 3, 1]):
        rows = range(SIZE) if number % 2 else range(SIZE - 1, -1, -1)
        found += [(x, y) for y in rows for x in (right, right - 1)]
    return found
