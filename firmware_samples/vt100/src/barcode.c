#include "barcode.h"

#include "mem.h"

#define START_B 104u
#define STOP_WIDTHS 0x2331112u
#define MODULES_PER_SYMBOL 11u
#define STOP_MODULES 13u

/* Widths of bar, space, bar, space, bar, space; a hexadecimal digit each. */
static const uint32_t widths[106] = {
    0x212222u, 0x222122u, 0x222221u, 0x121223u, 0x121322u, 0x131222u, 0x122213u, 0x122312u,
    0x132212u, 0x221213u, 0x221312u, 0x231212u, 0x112232u, 0x122132u, 0x122231u, 0x113222u,
    0x123122u, 0x123221u, 0x223211u, 0x221132u, 0x221231u, 0x213212u, 0x223112u, 0x312131u,
    0x311222u, 0x321122u, 0x321221u, 0x312212u, 0x322112u, 0x322211u, 0x212123u, 0x212321u,
    0x232121u, 0x111323u, 0x131123u, 0x131321u, 0x112313u, 0x132113u, 0x132311u, 0x211313u,
    0x231113u, 0x231311u, 0x112133u, 0x112331u, 0x132131u, 0x113123u, 0x113321u, 0x133121u,
    0x313121u, 0x211331u, 0x231131u, 0x213113u, 0x213311u, 0x213131u, 0x311123u, 0x311321u,
    0x331121u, 0x312113u, 0x312311u, 0x332111u, 0x314111u, 0x221411u, 0x431111u, 0x111224u,
    0x111422u, 0x121124u, 0x121421u, 0x141122u, 0x141221u, 0x112214u, 0x112412u, 0x122114u,
    0x122411u, 0x142112u, 0x142211u, 0x241211u, 0x221114u, 0x413111u, 0x241112u, 0x134111u,
    0x111242u, 0x121142u, 0x121241u, 0x114212u, 0x124112u, 0x124211u, 0x411212u, 0x421112u,
    0x421211u, 0x212141u, 0x214121u, 0x412121u, 0x111143u, 0x111341u, 0x131141u, 0x114113u,
    0x114311u, 0x411113u, 0x411311u, 0x113141u, 0x114131u, 0x311141u, 0x411131u, 0x211412u,
    0x211214u, 0x211232u,
};

static uint32_t add_symbol(uint8_t *module, uint32_t at, uint32_t symbol, int digits)
{
    uint8_t black = 1u;
    for (int digit = digits - 1; digit >= 0; digit--) {
        for (uint32_t width = (symbol >> (4 * digit)) & 0xFu; width > 0u; width--) {
            module[at++] = black;
        }
        black ^= 1u;
    }
    return at;
}

uint32_t barcode_modules(const char *text, uint8_t *module, uint32_t capacity)
{
    uint32_t length = strlen(text);
    uint32_t sum = START_B;
    if ((length + 2u) * MODULES_PER_SYMBOL + STOP_MODULES > capacity) {
        return 0u;
    }
    uint32_t at = add_symbol(module, 0u, widths[START_B], 6);
    for (uint32_t i = 0; i < length; i++) {
        uint32_t value = (uint8_t)text[i] - 0x20u;
        if (value >= 96u) {
            return 0u;
        }
        sum += value * (i + 1u);
        at = add_symbol(module, at, widths[value], 6);
    }
    at = add_symbol(module, at, widths[sum % 103u], 6);
    return add_symbol(module, at, STOP_WIDTHS, 7);
}
