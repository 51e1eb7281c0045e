#include "watchdog.h"

#include "soc.h"

#define FAULT_MARK 0x4641554Cu /* without it the words below are what power-on left there */

__attribute__((section(".noinit"))) static uint32_t fault_mark;
__attribute__((section(".noinit"))) static uint32_t fault_count;

static void make_valid(void)
{
    if (fault_mark != FAULT_MARK) {
        fault_mark = FAULT_MARK;
        fault_count = 0u;
    }
}

/* About four seconds: longer than the slowest thing done between two feeds, printing a receipt. */
void watchdog_start(void)
{
    make_valid();
    IWDG_KR = 0x5555u;
    IWDG_PR = 4u;
    IWDG_RLR = 2000u;
    IWDG_KR = 0xCCCCu;
}

void watchdog_feed(void)
{
    IWDG_KR = 0xAAAAu;
}

void watchdog_note_fault(void)
{
    make_valid();
    fault_count++;
}

uint32_t watchdog_faults(void)
{
    make_valid();
    return fault_count;
}
