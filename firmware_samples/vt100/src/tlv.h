/* BER-TLV as chip cards speak it. */
#ifndef TLV_H
#define TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLV_DEPTH_MAX 4u

enum tlv_kind { KIND_BINARY, KIND_NUMBER, KIND_TEXT, KIND_TEMPLATE };

struct tlv_tag {
    uint16_t tag;
    uint8_t kind;
    const char *name;
};

struct tlv {
    uint32_t tag;
    const uint8_t *value;
    size_t length;
    bool constructed;
};

typedef void (*tlv_visitor)(void *context, const struct tlv *item, uint32_t depth);

/* Takes one object off the front of the bytes; false where it is malformed or cut short. */
bool tlv_next(const uint8_t **bytes, size_t *left, struct tlv *item);

/* Visits every object, templates before what they hold; false at the first malformed one. */
bool tlv_walk(const uint8_t *bytes, size_t count, tlv_visitor visit, void *context);

const struct tlv_tag *tlv_tag_find(uint32_t tag);

extern const uint8_t tlv_sample[];
extern const size_t tlv_sample_size;

#endif
