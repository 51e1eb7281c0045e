#include "update.h"

#include "battery.h"
#include "clock.h"
#include "display.h"
#include "journal.h"
#include "messages.h"
#include "soc.h"
#include "tamper.h"
#include "uart.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_MARK 0x55504454u /* the boot loader clears it when it takes over */
#define SETTLE_LINE_US 20000u

__attribute__((section(".noinit"))) static uint32_t request;

static bool refused(bool reason, enum message_id text)
{
    if (reason) {
        uart_printf("%s\n", message(text));
    }
    return reason;
}

/* An update may lose what is in memory and must not stop half-way, so money and power come first. */
void update_request(void)
{
    if (refused(tamper_alarm(), MSG_UPDATE_REFUSED_TAMPER) ||
        refused(journal_unsettled() > 0u, MSG_UPDATE_REFUSED_UNSETTLED) ||
        refused(battery_low(), MSG_UPDATE_REFUSED_POWER)) {
        return;
    }
    display_clear();
    display_line(3u, message(MSG_FIRMWARE_UPDATE), true);
    display_line(5u, message(MSG_KEEP_POWER_ON), false);
    display_flush();
    uart_printf("%s\n", message(MSG_UPDATE_RESTARTING));
    clock_wait_us(SETTLE_LINE_US);
    request = REQUEST_MARK;
    barrier();
    SCB_AIRCR = 0x05FA0004u;
    for (;;) {
    }
}

void update_report_last(void)
{
    if (request == REQUEST_MARK) {
        request = 0u;
        uart_printf("%s\n", message(MSG_UPDATE_NOT_DONE));
    }
}
