#include "utf8.h"

static uint32_t following_bytes(uint8_t lead)
{
    if (lead < 0x80u) {
        return 0u;
    }
    if ((lead & 0xE0u) == 0xC0u) {
        return 1u;
    }
    if ((lead & 0xF0u) == 0xE0u) {
        return 2u;
    }
    return (lead & 0xF8u) == 0xF0u ? 3u : UTF8_BROKEN;
}

uint32_t utf8_next(const char **text)
{
    uint8_t lead = (uint8_t)**text;
    uint32_t count = following_bytes(lead);
    if (lead == 0u) {
        return 0u;
    }
    (*text)++;
    if (count == 0u) {
        return lead;
    }
    if (count == UTF8_BROKEN) {
        return UTF8_BROKEN;
    }
    uint32_t code = lead & (0x3Fu >> count);
    for (; count > 0u; count--) {
        uint8_t next = (uint8_t)**text;
        if ((next & 0xC0u) != 0x80u) {
            return UTF8_BROKEN;
        }
        code = code << 6 | (next & 0x3Fu);
        (*text)++;
    }
    return code;
}

uint32_t utf8_cells(const char *text)
{
    uint32_t cells = 0u;
    uint32_t code;
    while ((code = utf8_next(&text)) != 0u) {
        cells += code < 0x80u ? 1u : 2u;
    }
    return cells;
}
