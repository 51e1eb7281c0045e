#ifndef CURRENCY_H
#define CURRENCY_H

#include <stdint.h>

struct currency {
    uint16_t number;
    uint8_t decimals;
    char code[4];
    const char *en;
    const char *zh;
};

/* Null where the terminal does not know the currency. */
const struct currency *currency_find(uint32_t number);
const struct currency *currency_at(uint32_t index);

#endif
