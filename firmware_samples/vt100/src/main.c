/* Brings the parts up in order, then serves the keypad and the serial line for ever. */
#include "main.h"

#include "banner.h"
#include "battery.h"
#include "clock.h"
#include "command.h"
#include "display.h"
#include "journal.h"
#include "keypad.h"
#include "menu.h"
#include "printer.h"
#include "soc.h"
#include "spi.h"
#include "tamper.h"
#include "uart.h"
#include "update.h"
#include "watchdog.h"
#if RELEASE >= 2
#include "contactless.h"
#endif

static void start_parts(void)
{
    RCC_AHB1ENR |= 0x7u;
    clock_start();
    uart_start();
    spi_start();
    journal_start();
    display_start();
    printer_start();
    battery_start();
    tamper_start();
#if RELEASE >= 2
    contactless_start();
#endif
    watchdog_start();
}

static void idle_work(void)
{
    keypad_poll();
    tamper_poll();
    battery_poll();
    menu_poll();
    watchdog_feed();
}

void main_loop(void)
{
    start_parts();
    interrupts_on();
    banner_show();
    update_report_last();
    command_prompt();
    for (;;) {
        char received;
        idle_work();
        while (uart_read(&received)) {
            command_character(received);
        }
        wait_for_interrupt();
    }
}
