#include "tlv.h"

static bool take_byte(const uint8_t **bytes, size_t *left, uint8_t *byte)
{
    if (*left == 0u) {
        return false;
    }
    *byte = *(*bytes)++;
    (*left)--;
    return true;
}

/* Tags of one, two or three bytes; chip cards use no longer ones. */
static bool take_tag(const uint8_t **bytes, size_t *left, struct tlv *item)
{
    uint8_t byte;
    if (!take_byte(bytes, left, &byte)) {
        return false;
    }
    item->tag = byte;
    item->constructed = (byte & 0x20u) != 0u;
    if ((byte & 0x1Fu) != 0x1Fu) {
        return true;
    }
    for (uint32_t i = 0; i < 2u; i++) {
        if (!take_byte(bytes, left, &byte)) {
            return false;
        }
        item->tag = item->tag << 8 | byte;
        if ((byte & 0x80u) == 0u) {
            return true;
        }
    }
    return false;
}

static bool take_length(const uint8_t **bytes, size_t *left, size_t *length)
{
    uint8_t byte;
    if (!take_byte(bytes, left, &byte)) {
        return false;
    }
    if (byte < 0x80u) {
        *length = byte;
        return true;
    }
    uint32_t count = byte & 0x7Fu;
    if (count == 0u || count > 2u) {
        return false;
    }
    *length = 0u;
    while (count-- > 0u) {
        if (!take_byte(bytes, left, &byte)) {
            return false;
        }
        *length = *length << 8 | byte;
    }
    return true;
}

static void skip_filling(const uint8_t **bytes, size_t *left)
{
    while (*left > 0u && (**bytes == 0x00u || **bytes == 0xFFu)) {
        (*bytes)++;
        (*left)--;
    }
}

bool tlv_next(const uint8_t **bytes, size_t *left, struct tlv *item)
{
    if (!take_tag(bytes, left, item) || !take_length(bytes, left, &item->length) || item->length > *left) {
        return false;
    }
    item->value = *bytes;
    *bytes += item->length;
    *left -= item->length;
    return true;
}

static bool walk(const uint8_t *bytes, size_t count, tlv_visitor visit, void *context, uint32_t depth)
{
    if (depth == TLV_DEPTH_MAX) {
        return false;
    }
    for (skip_filling(&bytes, &count); count > 0u; skip_filling(&bytes, &count)) {
        struct tlv item;
        if (!tlv_next(&bytes, &count, &item)) {
            return false;
        }
        visit(context, &item, depth);
        if (item.constructed && !walk(item.value, item.length, visit, context, depth + 1u)) {
            return false;
        }
    }
    return true;
}

bool tlv_walk(const uint8_t *bytes, size_t count, tlv_visitor visit, void *context)
{
    return walk(bytes, count, visit, context, 0u);
}
