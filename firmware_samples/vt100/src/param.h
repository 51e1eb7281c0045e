/* The terminal's settings, each a number within its range. */
#ifndef PARAM_H
#define PARAM_H

#include <stdbool.h>
#include <stdint.h>

enum param {
    PARAM_CURRENCY,
    PARAM_COUNTRY,
    PARAM_LIMIT,
    PARAM_FLOOR_LIMIT,
    PARAM_PIN_SECONDS,
    PARAM_HOST_SECONDS,
    PARAM_DARKNESS,
    PARAM_CONTRAST,
    PARAM_SLEEP_SECONDS,
    PARAM_COPIES,
#if RELEASE >= 2
    PARAM_CONTACTLESS,
    PARAM_CONTACTLESS_LIMIT,
#endif
    PARAM_COUNT
};

enum param_result { PARAM_OK, PARAM_NO_SUCH, PARAM_OUT_OF_RANGE };

uint32_t param_value(enum param which);
enum param_result param_set(const char *name, uint32_t value);
void param_each(void (*use)(const char *name, uint32_t value, uint32_t low, uint32_t high));

#endif
