#include "clock.h"

#include "config.h"
#include "soc.h"

static volatile uint32_t ticks;

void clock_start(void)
{
    SYST_RVR = CORE_HZ / 1000u - 1u;
    SYST_CVR = 0u;
    SYST_CSR = 7u;
}

void clock_tick(void)
{
    ticks++;
}

uint32_t clock_ms(void)
{
    return ticks;
}

/* Counts the timer's own cycles: strobes of the printer head are much shorter than a tick. */
void clock_wait_us(uint32_t microseconds)
{
    const uint32_t reload = CORE_HZ / 1000u;
    uint32_t left = microseconds * (CORE_HZ / 1000000u);
    uint32_t last = SYST_CVR;
    while (left > 0u) {
        uint32_t now = SYST_CVR;
        uint32_t passed = last >= now ? last - now : last + reload - now;
        left = passed >= left ? 0u : left - passed;
        last = now;
    }
}
