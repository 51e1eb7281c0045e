"""The terminals that are cut: one for each kind of part, small enough to be copied thousands of times a second."""

import dataclasses
from typing import Final

from hwsim.geometry import (
    KIB,
    NRF52840,
    STM32F407,
    STM32H743,
    STM32L071,
    STM32L476,
    STM32U575,
    W25Q128JV,
    Run,
    scaled,
)
from tests.reliability.device import Model

_NOR: Final = dataclasses.replace(scaled(W25Q128JV, Run(64, 4 * KIB)), block=16 * KIB)
NOR: Final = Model("nor 4K, unit 1", _NOR, 64 * KIB)
TINY: Final = Model("nor 4K, unit 1, 8 KiB", scaled(W25Q128JV, Run(24, 4 * KIB)), 8 * KIB)
MINI: Final = Model("nor 4K, unit 1, 4 KiB", TINY.geometry, 4 * KIB)
"""Small enough for all pairs of cuts."""
TWO_STARTS: Final = dataclasses.replace(TINY, name="nor 4K, two starts", trial_starts=2)
SINGLE: Final = dataclasses.replace(TINY, name="nor 4K, single slot", slots=1)
MIXED: Final = Model("mixed 1/4/8K, unit 4", scaled(STM32F407, Run(4, 1 * KIB), Run(1, 4 * KIB), Run(9, 8 * KIB)), 3 * 4 * KIB)
MIXED_FULL: Final = Model("mixed 16/64/128K, unit 4", STM32F407, 8 * KIB)
PAGES_2K: Final = Model("2K pages, unit 8, code", scaled(STM32L476, Run(40, 2 * KIB)), 12 * KIB)
ZEROS: Final = Model("128 B pages, unit 4, erased 00, code", scaled(STM32L071, Run(480, 128)), 16 * KIB)
QUADS: Final = Model("8K, unit 16, code", scaled(STM32U575, Run(15, 8 * KIB)), 16 * KIB)
WORDS_32: Final = Model("8K, unit 32, code", scaled(STM32H743, Run(15, 8 * KIB)), 16 * KIB)
WORDS_4: Final = Model("4K, unit 4", scaled(NRF52840, Run(24, 4 * KIB)), 8 * KIB)
MODELS: Final = (NOR, TINY, MIXED, MIXED_FULL, PAGES_2K, ZEROS, QUADS, WORDS_32, WORDS_4)
