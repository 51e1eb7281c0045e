#include "display.h"

#include "crc32.h"
#include "font.h"
#include "mem.h"
#include "soc.h"
#include "spi.h"
#include "utf8.h"

#define STRIDE (DISPLAY_WIDTH / 8u)

static uint8_t frame[STRIDE * DISPLAY_HEIGHT];

/* Sets the display controller up: command, argument; an argument of zero is not sent. */
static const uint8_t setup_sequence[][2] = {
    {0xE2, 0x00}, {0x2B, 0x00}, {0x25, 0x00}, {0xEB, 0x00}, {0x81, 0x9C}, {0xC4, 0x00}, {0x89, 0x00},
    {0xD0, 0x00}, {0xDA, 0x00}, {0xA1, 0x00}, {0xC8, 0x00}, {0xF1, 0x9F}, {0xF4, 0x25}, {0xAD, 0x00},
};

void display_start(void)
{
    for (uint32_t i = 0; i < sizeof setup_sequence / sizeof setup_sequence[0]; i++) {
        spi_send(SPI1_BASE, setup_sequence[i], setup_sequence[i][1] != 0u ? 2u : 1u);
    }
    display_clear();
    display_flush();
}

void display_clear(void)
{
    memset(frame, 0, sizeof frame);
}

static void set_pixel(uint32_t x, uint32_t y)
{
    frame[y * STRIDE + x / 8u] |= (uint8_t)(0x80u >> (x % 8u));
}

static void draw_glyph(uint32_t left, uint32_t top, const struct glyph *glyph)
{
    for (uint32_t y = 0; y < glyph->height; y++) {
        for (uint32_t x = 0; x < glyph->width; x++) {
            if (font_pixel(glyph, x, y)) {
                set_pixel(left + x, top + y);
            }
        }
    }
}

static void invert_line(uint32_t top)
{
    uint8_t *bytes = frame + top * STRIDE;
    for (uint32_t i = 0; i < 16u * STRIDE; i++) {
        bytes[i] = (uint8_t)~bytes[i];
    }
}

void display_line(uint32_t line, const char *text, bool inverse)
{
    uint32_t top = line * 16u;
    uint32_t left = 0u;
    uint32_t code;
    memset(frame + top * STRIDE, 0, 16u * STRIDE);
    while ((code = utf8_next(&text)) != 0u) {
        struct glyph glyph;
        (void)font_find(FONT_DISPLAY, code, &glyph);
        if (left + glyph.width > DISPLAY_WIDTH) {
            break;
        }
        draw_glyph(left, top, &glyph);
        left += glyph.width;
    }
    if (inverse) {
        invert_line(top);
    }
}

void display_flush(void)
{
    static const uint8_t home[] = {0x60, 0x70, 0x00, 0x10};
    spi_send(SPI1_BASE, home, sizeof home);
    spi_send(SPI1_BASE, frame, sizeof frame);
}

uint32_t display_checksum(void)
{
    return crc32(CRC32_START, frame, sizeof frame);
}
