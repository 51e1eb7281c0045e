#include "receipt.h"

#include "amount.h"
#include "config.h"
#include "currency.h"
#include "format.h"
#include "messages.h"
#include "param.h"
#include "printer.h"

#if RELEASE >= 2
#define rule printer_rule
#else
static void rule(void)
{
    printer_text("--------------------------------", ALIGN_LEFT);
}
#endif

static void number_pair(enum message_id label, uint32_t number)
{
    char text[12];
    format_buffer(text, sizeof text, "%06u", (unsigned)number);
    printer_pair(message(label), text);
}

static void money_pair(enum message_id label, uint32_t amount, uint32_t currency_number)
{
    char digits[AMOUNT_TEXT_SIZE];
    char text[AMOUNT_TEXT_SIZE + 8u];
    const struct currency *currency = currency_find(currency_number);
    amount_text(digits, sizeof digits, amount, currency != 0 ? currency->decimals : 2u);
    format_buffer(text, sizeof text, "%s %s", currency != 0 ? currency->code : "?", digits);
    printer_pair(message(label), text);
}

static void heading(enum message_id title)
{
    printer_begin();
    printer_text(PRODUCT_NAME, ALIGN_CENTRE);
    printer_text(message(title), ALIGN_CENTRE);
    rule();
    printer_pair(message(MSG_MERCHANT_ID), MERCHANT_ID);
    printer_pair(message(MSG_TERMINAL_ID), TERMINAL_ID);
}

#if RELEASE >= 2
static void words(const struct journal_entry *entry)
{
    char text[AMOUNT_WORDS_SIZE];
    if (entry->currency == 156u && message_language_now() == LANGUAGE_ZH) {
        amount_words(text, sizeof text, entry->amount);
        printer_text(message(MSG_AMOUNT_IN_WORDS), ALIGN_LEFT);
        printer_text(text, ALIGN_RIGHT);
    }
}
#endif

uint32_t receipt_sale(const struct journal_entry *entry)
{
    heading(entry->kind == JOURNAL_SALE ? MSG_SALE : MSG_REFUND);
    number_pair(MSG_BATCH_NUMBER, journal_batch());
    number_pair(MSG_TRACE, entry->trace);
    money_pair(MSG_AMOUNT, entry->amount, entry->currency);
#if RELEASE >= 2
    words(entry);
#endif
    rule();
    printer_text(message(MSG_SIGNATURE), ALIGN_LEFT);
    printer_text(message(MSG_MERCHANT_COPY), ALIGN_CENTRE);
    printer_text(message(MSG_KEEP_RECEIPT), ALIGN_CENTRE);
    printer_text(message(MSG_THANK_YOU), ALIGN_CENTRE);
    return printer_end();
}

uint32_t receipt_test_slip(void)
{
    heading(MSG_TEST_SLIP);
    printer_pair(message(MSG_SERIAL_NUMBER), SERIAL_NUMBER);
    printer_pair(message(MSG_VERSION), VERSION_STRING);
    rule();
    printer_text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", ALIGN_LEFT);
    printer_text("abcdefghijklmnopqrstuvwxyz", ALIGN_LEFT);
    printer_text("0 1 2 3 4 5 6 7 8 9 + - * / = %", ALIGN_LEFT);
    printer_text("固件升级 请勿断电 电量过低", ALIGN_LEFT);
    printer_barcode(SERIAL_NUMBER);
    rule();
    return printer_end();
}

uint32_t receipt_settlement(const struct journal_totals *totals, uint32_t batch)
{
    uint32_t currency = param_value(PARAM_CURRENCY);
    heading(MSG_SETTLE_BATCH);
    number_pair(MSG_BATCH_NUMBER, batch);
    printer_text(message(MSG_SALE), ALIGN_LEFT);
    number_pair(MSG_COUNT_LABEL, totals->sales);
    money_pair(MSG_TOTAL, totals->sale_amount, currency);
    printer_text(message(MSG_REFUND), ALIGN_LEFT);
    number_pair(MSG_COUNT_LABEL, totals->refunds);
    money_pair(MSG_TOTAL, totals->refund_amount, currency);
    rule();
    return printer_end();
}
