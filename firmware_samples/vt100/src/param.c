#include "param.h"

#include "currency.h"
#include "mem.h"

struct parameter {
    const char *name;
    uint32_t value;
    uint32_t low;
    uint32_t high;
};

/* In initialised memory: every start brings the values below back. */
static struct parameter parameters[PARAM_COUNT] = {
    [PARAM_CURRENCY] = {"currency", 156u, 36u, 999u},
    [PARAM_COUNTRY] = {"country", 156u, 4u, 894u},
    [PARAM_LIMIT] = {"limit", 5000000u, 100u, 99999999u},
    [PARAM_FLOOR_LIMIT] = {"floor-limit", 0u, 0u, 100000u},
    [PARAM_PIN_SECONDS] = {"pin-seconds", 60u, 15u, 180u},
#if RELEASE >= 2
    [PARAM_HOST_SECONDS] = {"host-seconds", 45u, 10u, 120u},
    [PARAM_DARKNESS] = {"darkness", 6u, 1u, 9u},
#else
    [PARAM_HOST_SECONDS] = {"host-seconds", 60u, 10u, 120u},
    [PARAM_DARKNESS] = {"darkness", 5u, 1u, 9u},
#endif
    [PARAM_CONTRAST] = {"contrast", 28u, 0u, 63u},
    [PARAM_SLEEP_SECONDS] = {"sleep-seconds", 120u, 30u, 3600u},
    [PARAM_COPIES] = {"copies", 2u, 1u, 3u},
#if RELEASE >= 2
    [PARAM_CONTACTLESS] = {"contactless", 1u, 0u, 1u},
    [PARAM_CONTACTLESS_LIMIT] = {"contactless-limit", 100000u, 0u, 100000u},
#endif
};

uint32_t param_value(enum param which)
{
    return parameters[which].value;
}

static bool allowed(uint32_t which, uint32_t value)
{
    if (value < parameters[which].low || value > parameters[which].high) {
        return false;
    }
    return which != PARAM_CURRENCY || currency_find(value) != 0;
}

enum param_result param_set(const char *name, uint32_t value)
{
    for (uint32_t i = 0; i < PARAM_COUNT; i++) {
        if (strcmp(parameters[i].name, name) == 0) {
            if (!allowed(i, value)) {
                return PARAM_OUT_OF_RANGE;
            }
            parameters[i].value = value;
            return PARAM_OK;
        }
    }
    return PARAM_NO_SUCH;
}

void param_each(void (*use)(const char *name, uint32_t value, uint32_t low, uint32_t high))
{
    for (uint32_t i = 0; i < PARAM_COUNT; i++) {
        use(parameters[i].name, parameters[i].value, parameters[i].low, parameters[i].high);
    }
}
