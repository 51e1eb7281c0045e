#include "amount.h"

#include "format.h"
#include "mem.h"

static uint32_t power_of_ten(uint32_t exponent)
{
    uint32_t value = 1u;
    while (exponent-- > 0u) {
        value *= 10u;
    }
    return value;
}

static size_t whole_text(char *buffer, size_t size, uint32_t whole)
{
    if (whole >= 1000000u) {
        return format_buffer(buffer, size, "%u,%03u,%03u", (unsigned)(whole / 1000000u),
                             (unsigned)(whole / 1000u % 1000u), (unsigned)(whole % 1000u));
    }
    if (whole >= 1000u) {
        return format_buffer(buffer, size, "%u,%03u", (unsigned)(whole / 1000u), (unsigned)(whole % 1000u));
    }
    return format_buffer(buffer, size, "%u", (unsigned)whole);
}

void amount_text(char *buffer, size_t size, uint32_t amount, uint32_t decimals)
{
    uint32_t unit = power_of_ten(decimals);
    size_t used = whole_text(buffer, size, amount / unit);
    uint32_t rest = amount % unit;
    if (decimals == 0u) {
        return;
    }
    if (decimals == 3u) {
        format_buffer(buffer + used, size - used, ".%03u", (unsigned)rest);
    } else {
        format_buffer(buffer + used, size - used, ".%02u", (unsigned)rest);
    }
}

bool amount_read(const char *text, uint32_t decimals, uint32_t *amount)
{
    uint32_t value = 0u;
    uint32_t after = 0u;
    bool point = false;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text == '.' && !point && decimals > 0u) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || value > AMOUNT_MAX / 10u || (point && after == decimals)) {
            return false;
        }
        value = value * 10u + (uint32_t)(*text - '0');
        after += point ? 1u : 0u;
    }
    for (; after < decimals; after++) {
        if (value > AMOUNT_MAX / 10u) {
            return false;
        }
        value *= 10u;
    }
    *amount = value;
    return value > 0u;
}

#if RELEASE >= 2
static const char *const capital_digits[10] = {"零", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"};
static const char *const place_names[8] = {"", "拾", "佰", "仟", "万", "拾", "佰", "仟"};

static void append(char *buffer, size_t size, const char *text)
{
    size_t used = strlen(buffer);
    format_buffer(buffer + used, size - used, "%s", text);
}

/* Zeros in a row are said once, and the name of the ten thousands is said even after a zero. */
static void append_yuan(char *buffer, size_t size, uint32_t yuan)
{
    bool zero_due = false;
    bool group_used = false;
    for (int place = 7; place >= 0; place--) {
        uint32_t digit = yuan / power_of_ten((uint32_t)place) % 10u;
        if (digit != 0u) {
            append(buffer, size, zero_due ? capital_digits[0] : "");
            append(buffer, size, capital_digits[digit]);
            append(buffer, size, place == 4 ? "" : place_names[place]);
            zero_due = false;
            group_used = true;
        } else {
            zero_due = buffer[0] != '\0';
        }
        if (place == 4 && group_used) {
            append(buffer, size, place_names[4]);
        }
    }
}

void amount_words(char *buffer, size_t size, uint32_t amount)
{
    uint32_t yuan = amount / 100u;
    uint32_t jiao = amount / 10u % 10u;
    uint32_t fen = amount % 10u;
    buffer[0] = '\0';
    if (yuan > 0u || amount == 0u) {
        append_yuan(buffer, size, yuan);
        append(buffer, size, yuan == 0u ? "零元" : "元");
    }
    if (jiao == 0u && fen == 0u) {
        append(buffer, size, "整");
        return;
    }
    if (jiao > 0u) {
        append(buffer, size, capital_digits[jiao]);
        append(buffer, size, "角");
    } else if (yuan > 0u) {
        append(buffer, size, capital_digits[0]);
    }
    if (fen > 0u) {
        append(buffer, size, capital_digits[fen]);
        append(buffer, size, "分");
    }
}
#endif
