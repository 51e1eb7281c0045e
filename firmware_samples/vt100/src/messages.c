#include "messages.h"

#include "font.h"

#include <stdint.h>

static enum language current = LANGUAGE_EN;

void message_language(enum language language)
{
    current = language;
}

enum language message_language_now(void)
{
    return current;
}

const char *message(enum message_id id)
{
    return current == LANGUAGE_ZH ? messages_zh[id] : messages_en[id];
}

static bool printable(const char *text)
{
    return text != 0 && font_missing(FONT_PRINTER, text) == 0u && font_missing(FONT_DISPLAY, text) == 0u;
}

bool messages_complete(void)
{
    for (uint32_t id = 0; id < MSG_COUNT; id++) {
        if (!printable(messages_en[id]) || !printable(messages_zh[id])) {
            return false;
        }
    }
    return true;
}
