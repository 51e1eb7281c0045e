/* Every sentence the terminal says, in English and Simplified Chinese. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stdbool.h>

enum language { LANGUAGE_EN, LANGUAGE_ZH };

enum message_id {
    MSG_WELCOME,
    MSG_READY,
    MSG_FIRMWARE_UPDATE,
    MSG_TEST_SLIP,
    MSG_HEALTH_CHECK,
    MSG_PAPER_OUT,
    MSG_PAPER_OK,
    MSG_KEEP_POWER_ON,
    MSG_BATTERY,
    MSG_BATTERY_LOW,
    MSG_MAINS,
    MSG_UNSETTLED,
    MSG_SETTLE_BATCH,
    MSG_BATCH_SETTLED,
    MSG_BATCH_EMPTY,
    MSG_TAMPER,
    MSG_TAMPER_NONE,
    MSG_SERIAL_NUMBER,
    MSG_TERMINAL_ID,
    MSG_MERCHANT_ID,
    MSG_VERSION,
    MSG_UPTIME_SECONDS,
    MSG_FAULTS,
    MSG_LANGUAGE_SET,
    MSG_UNKNOWN_COMMAND,
    MSG_BAD_ARGUMENT,
    MSG_JOURNAL_FULL,
    MSG_SALE,
    MSG_REFUND,
    MSG_AMOUNT,
    MSG_TOTAL,
    MSG_COUNT_LABEL,
    MSG_TRACE,
    MSG_BATCH_NUMBER,
    MSG_MERCHANT_COPY,
    MSG_CUSTOMER_COPY,
    MSG_SIGNATURE,
    MSG_THANK_YOU,
    MSG_KEEP_RECEIPT,
    MSG_ENTER_AMOUNT,
    MSG_INSERT_CARD,
    MSG_REMOVE_CARD,
    MSG_ENTER_PIN,
    MSG_PLEASE_WAIT,
    MSG_APPROVED,
    MSG_DECLINED,
    MSG_TIMEOUT,
    MSG_PRINTED,
    MSG_PASS,
    MSG_FAIL,
    MSG_NOT_FITTED,
    MSG_ALL_PASSED,
    MSG_SOME_FAILED,
    MSG_CHECK_FLASH,
    MSG_CHECK_MEMORY,
    MSG_CHECK_CRYPTO,
    MSG_CHECK_FONT,
    MSG_CHECK_DISPLAY,
    MSG_CHECK_PRINTER,
    MSG_CHECK_KEYPAD,
    MSG_CHECK_BATTERY,
    MSG_CHECK_JOURNAL,
    MSG_CHECK_CARD_DATA,
    MSG_UPDATE_REFUSED_UNSETTLED,
    MSG_UPDATE_REFUSED_POWER,
    MSG_UPDATE_REFUSED_TAMPER,
    MSG_UPDATE_RESTARTING,
    MSG_UPDATE_NOT_DONE,
    MSG_PARAMETER_SET,
    MSG_PARAMETER_UNKNOWN,
    MSG_PARAMETER_RANGE,
    MSG_HELP,
#if RELEASE >= 2
    MSG_CHECK_CONTACTLESS,
    MSG_CONTACTLESS_TEST,
    MSG_HOLD_CARD,
    MSG_FIELD_ON,
    MSG_FIELD_WEAK,
    MSG_READER_SILENT,
    MSG_AMOUNT_IN_WORDS,
#endif
    MSG_COUNT
};

extern const char *const messages_en[MSG_COUNT];
extern const char *const messages_zh[MSG_COUNT];

void message_language(enum language language);
enum language message_language_now(void);
const char *message(enum message_id id);

/* Whether both tables are complete and the printer can set every character in them. */
bool messages_complete(void);

#endif
