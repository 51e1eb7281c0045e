#include "font.h"

#include "utf8.h"

static const uint8_t box[24] = {
    0x00, 0x7E, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42,
    0x42, 0x7E, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

/* The code points are sorted, so a binary search finds one in eleven steps. */
static int find_code(const uint16_t *codes, int count, uint32_t code)
{
    int low = 0;
    int high = count - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        if (codes[middle] == code) {
            return middle;
        }
        if (codes[middle] < code) {
            low = middle + 1;
        } else {
            high = middle - 1;
        }
    }
    return -1;
}

static bool find_latin(enum font_size size, uint32_t code, struct glyph *glyph)
{
    uint32_t index = code - FONT_LATIN_FIRST;
    if (code < FONT_LATIN_FIRST || index >= FONT_LATIN_COUNT) {
        return false;
    }
    if (size == FONT_DISPLAY) {
        *glyph = (struct glyph){font_latin_8x16 + index * 16u, 8u, 16u};
    } else {
        *glyph = (struct glyph){font_latin_12x24 + index * 48u, 12u, 24u};
    }
    return true;
}

static bool find_chinese(enum font_size size, uint32_t code, struct glyph *glyph)
{
    if (size == FONT_DISPLAY) {
        int index = find_code(font_zh_16_codes, font_zh_16_count, code);
        if (index >= 0) {
            *glyph = (struct glyph){font_zh_16[index], 16u, 16u};
        }
        return index >= 0;
    }
    int index = find_code(font_zh_24_codes, font_zh_24_count, code);
    if (index >= 0) {
        *glyph = (struct glyph){font_zh_24[index], 24u, 24u};
    }
    return index >= 0;
}

bool font_find(enum font_size size, uint32_t code, struct glyph *glyph)
{
    if (find_latin(size, code, glyph) || find_chinese(size, code, glyph)) {
        return true;
    }
    *glyph = (struct glyph){box, 8u, size == FONT_DISPLAY ? 16u : 24u};
    return false;
}

bool font_pixel(const struct glyph *glyph, uint32_t x, uint32_t y)
{
    uint32_t stride = (glyph->width + 7u) / 8u;
    return (glyph->rows[y * stride + x / 8u] & (0x80u >> (x % 8u))) != 0u;
}

uint32_t font_missing(enum font_size size, const char *text)
{
    uint32_t missing = 0u;
    uint32_t code;
    struct glyph glyph;
    while ((code = utf8_next(&text)) != 0u) {
        if (code >= FONT_LATIN_FIRST && !font_find(size, code, &glyph)) {
            missing++;
        }
    }
    return missing;
}
