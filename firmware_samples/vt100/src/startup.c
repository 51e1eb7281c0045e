/* Vector table and the way from reset to main(). */
#include "app_info.h"
#include "clock.h"
#include "main.h"
#include "soc.h"
#include "watchdog.h"

#include <stdint.h>

#define CORE_VECTORS 16u
#define DEVICE_VECTORS 82u

typedef void (*handler)(void);

extern uint32_t __stack_top[];
extern uint32_t __data_start[], __data_end[], __data_load[];
extern uint32_t __bss_start[], __bss_end[];

void reset_handler(void);
void run(void);

/* An interrupt nobody asked for: stop feeding the watchdog, which then restarts the terminal. */
static void unexpected_handler(void)
{
    interrupts_off();
    for (;;) {
    }
}

static void fault_handler(void)
{
    interrupts_off();
    watchdog_note_fault();
    SCB_AIRCR = 0x05FA0004u;
    for (;;) {
    }
}

static void ignore_handler(void)
{
}

union vector {
    uint32_t *stack;
    handler code;
};

__attribute__((section(".vectors"), used)) static const union vector vectors[CORE_VECTORS + DEVICE_VECTORS] = {
    [0] = {.stack = __stack_top},
    [1] = {.code = reset_handler},
    [2] = {.code = ignore_handler},
    [3] = {.code = fault_handler},
    [4] = {.code = fault_handler},
    [5] = {.code = fault_handler},
    [6] = {.code = fault_handler},
    [11] = {.code = unexpected_handler},
    [12] = {.code = unexpected_handler},
    [14] = {.code = unexpected_handler},
    [15] = {.code = clock_tick},
    [16 ... CORE_VECTORS + DEVICE_VECTORS - 1] = {.code = unexpected_handler},
};

/* Runs on the application's own stack, so memory may be set up here in C. */
__attribute__((used, noreturn)) void run(void)
{
    const uint32_t *from = __data_load;
    for (uint32_t *to = __data_start; to < __data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *word = __bss_start; word < __bss_end; word++) {
        *word = 0u;
    }
    SCB_VTOR = (uint32_t)vectors;
    barrier();
    main_loop();
}

/* The boot loader jumps here with its own stack pointer; the first thing is to leave that stack. */
__attribute__((naked, noreturn)) void reset_handler(void)
{
    __asm__ volatile("ldr r0, =__stack_top\n\t"
                     "mov sp, r0\n\t"
                     "b run\n\t");
}
