/* What differs between the releases, and the terminal's identity. */
#ifndef CONFIG_H
#define CONFIG_H

#ifndef RELEASE
#error "say which release to build: -DRELEASE=1 or -DRELEASE=2"
#endif

#define PRODUCT_NAME "VT-100"
#if RELEASE >= 2
#define VERSION_STRING "1.5.0"
#define VERSION_NUMBER 0x00010500u
#define JOURNAL_CAPACITY 160u
#define BATTERY_LOW_PERCENT 12u
#define KEYPAD_DEBOUNCE_MS 24u
#define UART_BAUD 115200u
#define PRINTER_FEED_LINES 36u
#define TAMPER_SAMPLES 5u
#else
#define VERSION_STRING "1.4.2"
#define VERSION_NUMBER 0x00010402u
#define JOURNAL_CAPACITY 128u
#define BATTERY_LOW_PERCENT 15u
#define KEYPAD_DEBOUNCE_MS 30u
#define UART_BAUD 115200u
#define PRINTER_FEED_LINES 40u
#define TAMPER_SAMPLES 3u
#endif

#define SERIAL_NUMBER "VT100-SAMPLE-01"
#define TERMINAL_ID "VT100TST"
#define MERCHANT_ID "SAMPLE-MERCHANT"

#define CORE_HZ 168000000u /* the boot loader leaves the core on the PLL */
#define APB2_HZ 84000000u

#endif
