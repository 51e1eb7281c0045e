/* Bitmap fonts: 16 pixels high for the display, 24 for the printer. */
#ifndef FONT_H
#define FONT_H

#include <stdbool.h>
#include <stdint.h>

#define FONT_LATIN_FIRST 0x20u
#define FONT_LATIN_COUNT 95u

enum font_size { FONT_DISPLAY, FONT_PRINTER };

struct glyph {
    const uint8_t *rows; /* each row in whole bytes, leftmost pixel in the most significant bit */
    uint8_t width;
    uint8_t height;
};

extern const uint8_t font_latin_8x16[FONT_LATIN_COUNT * 16u];
extern const uint8_t font_latin_12x24[FONT_LATIN_COUNT * 48u];
extern const uint16_t font_zh_16_codes[];
extern const uint16_t font_zh_16_count;
extern const uint8_t font_zh_16[][32];
extern const uint16_t font_zh_24_codes[];
extern const uint16_t font_zh_24_count;
extern const uint8_t font_zh_24[][72];

/* False where the font lacks the character; the glyph is then a hollow box. */
bool font_find(enum font_size size, uint32_t code, struct glyph *glyph);

bool font_pixel(const struct glyph *glyph, uint32_t x, uint32_t y);

/* How many characters of the text the font lacks. */
uint32_t font_missing(enum font_size size, const char *text);

#endif
