#include "menu.h"

#include "banner.h"
#include "display.h"
#include "keypad.h"
#include "messages.h"
#include "receipt.h"
#include "selftest.h"
#include "settle.h"
#include "tamper.h"
#include "update.h"
#if RELEASE >= 2
#include "contactless.h"
#endif

#include <stdint.h>

struct entry {
    enum message_id title;
    void (*chosen)(void);
};

static void print_slip(void)
{
    (void)receipt_test_slip();
}

static void check_device(void)
{
    (void)selftest_run();
}

static void switch_language(void)
{
    message_language(message_language_now() == LANGUAGE_EN ? LANGUAGE_ZH : LANGUAGE_EN);
}

static const struct entry entries[] = {
    {MSG_TEST_SLIP, print_slip},
    {MSG_HEALTH_CHECK, check_device},
#if RELEASE >= 2
    {MSG_CONTACTLESS_TEST, contactless_report},
#endif
    {MSG_SETTLE_BATCH, settle_batch},
    {MSG_FIRMWARE_UPDATE, update_request},
    {MSG_LANGUAGE_SET, switch_language},
};

#define ENTRY_COUNT (sizeof entries / sizeof entries[0])

static uint32_t selected;

static void draw(void)
{
    display_clear();
    for (uint32_t i = 0; i < ENTRY_COUNT; i++) {
        display_line(i + 1u, message(entries[i].title), i == selected);
    }
    display_flush();
}

static void act(uint8_t key)
{
    switch (key) {
    case KEY_UP:
        selected = (selected + ENTRY_COUNT - 1u) % ENTRY_COUNT;
        break;
    case KEY_DOWN:
        selected = (selected + 1u) % ENTRY_COUNT;
        break;
    case KEY_ENTER:
        entries[selected].chosen();
        break;
    case KEY_CANCEL:
        selected = 0u;
        banner_show();
        return;
    default:
        return;
    }
    draw();
}

/* A terminal that was opened shows its alarm and nothing else. */
void menu_poll(void)
{
    uint8_t key = keypad_take();
    if (key != KEY_NONE && !tamper_alarm()) {
        act(key);
    }
}
