#include "tamper.h"

#include "config.h"
#include "display.h"
#include "messages.h"
#include "soc.h"

#include <stdint.h>

#define SWITCHES 0x003Fu
#define ALARM_MARK 0x54414D50u

__attribute__((section(".noinit"))) static uint32_t alarm_mark;
static uint32_t open_samples;

void tamper_start(void)
{
    open_samples = 0u;
}

/* One sample may be a spark from the printer motor; several in a row are an open case. */
void tamper_poll(void)
{
    if ((GPIO_IDR(GPIOC_BASE) & SWITCHES) == 0u) {
        open_samples = 0u;
        return;
    }
    open_samples++;
    if (open_samples == TAMPER_SAMPLES) {
        alarm_mark = ALARM_MARK;
        display_clear();
        display_line(DISPLAY_LINES / 2u, message(MSG_TAMPER), true);
        display_flush();
    }
}

bool tamper_alarm(void)
{
    return alarm_mark == ALARM_MARK;
}
