#include "selftest.h"

#include "app_info.h"
#include "battery.h"
#include "config.h"
#include "crc32.h"
#include "display.h"
#include "format.h"
#include "image.h"
#include "journal.h"
#include "keypad.h"
#include "mem.h"
#include "messages.h"
#include "printer.h"
#include "sha256.h"
#include "tlv.h"
#include "uart.h"
#include "utf8.h"
#include "watchdog.h"
#if RELEASE >= 2
#include "contactless.h"
#endif

#include <stdint.h>

#define SAMPLE_OBJECTS 32u
#define LABEL_CELLS 24u

struct check {
    enum message_id title;
    enum check_result (*run)(void);
};

static enum check_result result_of(bool good)
{
    return good ? CHECK_PASS : CHECK_FAIL;
}

/* Reading the whole image twice must give the same bytes: a worn cell reads differently now and then. */
static enum check_result check_flash(void)
{
    bool known = memcmp(app_info.magic, "VT100APP", sizeof app_info.magic) == 0;
    return result_of(known && image_crc32() == image_crc32());
}

static enum check_result check_memory(void)
{
    static uint32_t scratch[256];
    static const uint32_t patterns[] = {0x00000000u, 0xFFFFFFFFu, 0x55555555u, 0xAAAAAAAAu, 0x33CC33CCu};
    volatile uint32_t *words = scratch;
    for (uint32_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        for (uint32_t i = 0; i < 256u; i++) {
            words[i] = patterns[p] ^ i;
        }
        for (uint32_t i = 0; i < 256u; i++) {
            if (words[i] != (patterns[p] ^ i)) {
                return CHECK_FAIL;
            }
        }
    }
    return CHECK_PASS;
}

/* Known answers from the standards: "abc" for SHA-256, the nine digits for CRC-32. */
static enum check_result check_crypto(void)
{
    static const uint8_t expected[SHA256_SIZE] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
        0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
    };
    uint8_t digest[SHA256_SIZE];
    struct sha256 hash;
    sha256_start(&hash);
    sha256_add(&hash, "abc", 3u);
    sha256_finish(&hash, digest);
    bool sha = memcmp(digest, expected, sizeof expected) == 0;
    return result_of(sha && crc32(CRC32_START, "123456789", 9u) == 0xCBF43926u);
}

static enum check_result check_font(void)
{
    return result_of(messages_complete());
}

static enum check_result check_display(void)
{
    display_clear();
    uint32_t empty = display_checksum();
    display_line(4u, message(MSG_HEALTH_CHECK), false);
    uint32_t drawn = display_checksum();
    display_flush();
    return result_of(empty != drawn);
}

/* Weak supply or a cold head must always mean longer heating. */
static enum check_result check_printer(void)
{
    bool supply = printer_strobe(6200u, 25) > printer_strobe(8200u, 25);
    bool head = printer_strobe(7400u, 0) > printer_strobe(7400u, 60);
    return result_of(supply && head && !printer_paper_out());
}

static enum check_result check_keypad(void)
{
    return result_of(keypad_released());
}

static enum check_result check_battery(void)
{
    if (!battery_present()) {
        return CHECK_NOT_FITTED;
    }
    return result_of(battery_percent_of(3725u, 25) == 50u && battery_celsius() > -20 && battery_celsius() < 60);
}

static enum check_result check_journal(void)
{
    return result_of(journal_sound());
}

static void count_object(void *context, const struct tlv *item, uint32_t depth)
{
    uint32_t *count = context;
    (void)depth;
    if (tlv_tag_find(item->tag) != 0) {
        (*count)++;
    }
}

/* The parser must take the good sample whole and refuse it when it is cut short. */
static enum check_result check_card_data(void)
{
    uint32_t count = 0u;
    uint32_t unused = 0u;
    bool whole = tlv_walk(tlv_sample, tlv_sample_size, count_object, &count);
    bool cut = tlv_walk(tlv_sample, tlv_sample_size - 1u, count_object, &unused);
    return result_of(whole && !cut && count == SAMPLE_OBJECTS);
}

static const struct check checks[] = {
    {MSG_CHECK_FLASH, check_flash},
    {MSG_CHECK_MEMORY, check_memory},
    {MSG_CHECK_CRYPTO, check_crypto},
    {MSG_CHECK_FONT, check_font},
    {MSG_CHECK_DISPLAY, check_display},
    {MSG_CHECK_PRINTER, check_printer},
    {MSG_CHECK_KEYPAD, check_keypad},
    {MSG_CHECK_BATTERY, check_battery},
    {MSG_CHECK_JOURNAL, check_journal},
    {MSG_CHECK_CARD_DATA, check_card_data},
#if RELEASE >= 2
    {MSG_CHECK_CONTACTLESS, contactless_check},
#endif
};

static enum message_id result_text(enum check_result result)
{
    if (result == CHECK_NOT_FITTED) {
        return MSG_NOT_FITTED;
    }
    return result == CHECK_PASS ? MSG_PASS : MSG_FAIL;
}

static void report(const struct check *check, enum check_result result)
{
    const char *title = message(check->title);
    uart_write(title);
    for (uint32_t cells = utf8_cells(title); cells < LABEL_CELLS; cells++) {
        uart_put('.');
    }
    uart_printf(" %s\n", message(result_text(result)));
}

bool selftest_run(void)
{
    bool good = true;
    uart_printf("%s\n", message(MSG_HEALTH_CHECK));
    for (uint32_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        enum check_result result = checks[i].run();
        report(&checks[i], result);
        good = good && result != CHECK_FAIL;
        watchdog_feed();
    }
    uart_printf("%s\n", message(good ? MSG_ALL_PASSED : MSG_SOME_FAILED));
    return good;
}
