#include "banner.h"

#include "app_info.h"
#include "config.h"
#include "display.h"
#include "messages.h"
#include "uart.h"

static const char rule[] = "========================================";

void banner_version(void)
{
    uart_printf("%s %s (release %u)\n", app_info.product, app_info.version_text, (unsigned)RELEASE);
}

void banner_show(void)
{
    uart_printf("\n%s\n", rule);
    banner_version();
    uart_printf("%s / %s\n", messages_en[MSG_WELCOME], messages_zh[MSG_WELCOME]);
    uart_printf("%s\n", rule);
    display_clear();
    display_line(1u, PRODUCT_NAME " " VERSION_STRING, true);
    display_line(3u, messages_zh[MSG_WELCOME], false);
    display_line(4u, messages_en[MSG_WELCOME], false);
    display_line(8u, SERIAL_NUMBER, false);
    display_flush();
}
