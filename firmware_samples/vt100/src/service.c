#include "service.h"

#include "amount.h"
#include "banner.h"
#include "battery.h"
#include "clock.h"
#include "config.h"
#include "currency.h"
#include "image.h"
#include "journal.h"
#include "mem.h"
#include "messages.h"
#include "param.h"
#include "printer.h"
#include "receipt.h"
#include "response.h"
#include "selftest.h"
#include "settle.h"
#include "tamper.h"
#include "tlv.h"
#include "uart.h"
#include "update.h"
#include "watchdog.h"
#if RELEASE >= 2
#include "contactless.h"
#endif

static void say(enum message_id id)
{
    uart_printf("%s\n", message(id));
}

static void say_text(enum message_id label, const char *text)
{
    uart_printf("%s: %s\n", message(label), text);
}

static void say_number(enum message_id label, uint32_t number)
{
    uart_printf("%s: %u\n", message(label), (unsigned)number);
}

void service_version(const char *argument)
{
    (void)argument;
    banner_version();
}

static void say_power(void)
{
    if (!battery_present()) {
        say(MSG_MAINS);
        return;
    }
    uart_printf("%s: %u%%, %u mV, %d C\n", message(MSG_BATTERY), (unsigned)battery_percent(),
                (unsigned)battery_millivolts(), (int)battery_celsius());
    if (battery_low()) {
        say(MSG_BATTERY_LOW);
    }
}

void service_status(const char *argument)
{
    (void)argument;
    say_text(MSG_SERIAL_NUMBER, SERIAL_NUMBER);
    say_text(MSG_TERMINAL_ID, TERMINAL_ID);
    say_text(MSG_MERCHANT_ID, MERCHANT_ID);
    say_text(MSG_VERSION, VERSION_STRING);
    say_number(MSG_UPTIME_SECONDS, clock_ms() / 1000u);
    say_number(MSG_FAULTS, watchdog_faults());
    say_number(MSG_UNSETTLED, journal_unsettled());
    say_power();
    say(printer_paper_out() ? MSG_PAPER_OUT : MSG_PAPER_OK);
    say(tamper_alarm() ? MSG_TAMPER : MSG_TAMPER_NONE);
}

void service_selftest(const char *argument)
{
    (void)argument;
    (void)selftest_run();
}

void service_print(const char *argument)
{
    (void)argument;
    if (printer_paper_out()) {
        say(MSG_PAPER_OUT);
        return;
    }
    uint32_t checksum = receipt_test_slip();
    uart_printf("%s %08x\n", message(MSG_PRINTED), (unsigned)checksum);
}

void service_language(const char *argument)
{
    if (strcmp(argument, "en") == 0) {
        message_language(LANGUAGE_EN);
    } else if (strcmp(argument, "zh") == 0) {
        message_language(LANGUAGE_ZH);
    } else {
        say(MSG_BAD_ARGUMENT);
        return;
    }
    say(MSG_LANGUAGE_SET);
}

static bool terminal_usable(void)
{
    if (tamper_alarm()) {
        say(MSG_TAMPER);
        return false;
    }
    if (printer_paper_out()) {
        say(MSG_PAPER_OUT);
        return false;
    }
    return true;
}

static bool read_amount(const char *text, uint32_t *amount)
{
    const struct currency *currency = currency_find(param_value(PARAM_CURRENCY));
    return amount_read(text, currency->decimals, amount) && *amount <= param_value(PARAM_LIMIT);
}

static void transact(enum journal_kind kind, const char *argument)
{
    struct journal_entry entry;
    uint32_t amount;
    if (!terminal_usable()) {
        return;
    }
    if (!read_amount(argument, &amount)) {
        say(MSG_BAD_ARGUMENT);
        return;
    }
    if (!journal_add(kind, amount, param_value(PARAM_CURRENCY), &entry)) {
        say(MSG_JOURNAL_FULL);
        return;
    }
    uart_printf("%s\n", response_text("00"));
    (void)receipt_sale(&entry);
}

void service_sale(const char *argument)
{
    transact(JOURNAL_SALE, argument);
}

void service_refund(const char *argument)
{
    transact(JOURNAL_REFUND, argument);
}

void service_journal(const char *argument)
{
    (void)argument;
    say_number(MSG_BATCH_NUMBER, journal_batch());
    say_number(MSG_UNSETTLED, journal_unsettled());
    for (uint32_t i = 0; i < journal_unsettled(); i++) {
        const struct journal_entry *entry = journal_at(i);
        const struct currency *currency = currency_find(entry->currency);
        char text[AMOUNT_TEXT_SIZE];
        amount_text(text, sizeof text, entry->amount, currency->decimals);
        uart_printf("%06u %s %s %s\n", (unsigned)entry->trace,
                    message(entry->kind == JOURNAL_SALE ? MSG_SALE : MSG_REFUND), currency->code, text);
    }
}

void service_settle(const char *argument)
{
    (void)argument;
    settle_batch();
}

static void show_parameter(const char *name, uint32_t value, uint32_t low, uint32_t high)
{
    uart_printf("%-18s %8u  (%u - %u)\n", name, (unsigned)value, (unsigned)low, (unsigned)high);
}

void service_parameters(const char *argument)
{
    (void)argument;
    param_each(show_parameter);
}

static bool read_number(const char *text, uint32_t *number)
{
    if (strcmp(text, "0") == 0) {
        *number = 0u;
        return true;
    }
    return amount_read(text, 0u, number);
}

void service_set(const char *argument)
{
    static const enum message_id answers[] = {
        [PARAM_OK] = MSG_PARAMETER_SET,
        [PARAM_NO_SUCH] = MSG_PARAMETER_UNKNOWN,
        [PARAM_OUT_OF_RANGE] = MSG_PARAMETER_RANGE,
    };
    char name[32];
    uint32_t length = 0u;
    uint32_t value;
    while (argument[length] != '\0' && argument[length] != ' ' && length < sizeof name - 1u) {
        name[length] = argument[length];
        length++;
    }
    name[length] = '\0';
    if (argument[length] != ' ' || !read_number(argument + length + 1u, &value)) {
        say(MSG_BAD_ARGUMENT);
        return;
    }
    say(answers[param_set(name, value)]);
}

static void show_code(const char *code, const char *text)
{
    uart_printf("%s  %s\n", code, text);
}

void service_codes(const char *argument)
{
    (void)argument;
    response_each(show_code);
}

void service_currencies(const char *argument)
{
    const struct currency *currency;
    (void)argument;
    for (uint32_t i = 0; (currency = currency_at(i)) != 0; i++) {
        const char *name = message_language_now() == LANGUAGE_ZH ? currency->zh : currency->en;
        uart_printf("%03u %s %s\n", (unsigned)currency->number, currency->code, name);
    }
}

static void show_value(const struct tlv *item, const struct tlv_tag *tag)
{
    for (size_t i = 0; i < item->length; i++) {
        if (tag != 0 && tag->kind == KIND_TEXT) {
            uart_put((char)item->value[i]);
        } else {
            uart_printf("%02X", (unsigned)item->value[i]);
        }
    }
}

static void show_object(void *context, const struct tlv *item, uint32_t depth)
{
    const struct tlv_tag *tag = tlv_tag_find(item->tag);
    (void)context;
    while (depth-- > 0u) {
        uart_write("  ");
    }
    uart_printf("%X %s ", (unsigned)item->tag, tag != 0 ? tag->name : "?");
    if (!item->constructed) {
        show_value(item, tag);
    }
    uart_write("\n");
}

void service_tags(const char *argument)
{
    (void)argument;
    (void)tlv_walk(tlv_sample, tlv_sample_size, show_object, 0);
}

void service_image(const char *argument)
{
    uint8_t digest[SHA256_SIZE];
    (void)argument;
    image_sha256(digest);
    uart_printf("address %08x, %u bytes, CRC-32 %08x\nSHA-256 ", (unsigned)image_address(), (unsigned)image_length(),
                (unsigned)image_crc32());
    for (uint32_t i = 0; i < SHA256_SIZE; i++) {
        uart_printf("%02x", (unsigned)digest[i]);
    }
    uart_write("\n");
}

void service_update(const char *argument)
{
    (void)argument;
    update_request();
}

#if RELEASE >= 2
void service_contactless(const char *argument)
{
    (void)argument;
    contactless_report();
}
#endif
