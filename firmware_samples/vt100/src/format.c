#include "format.h"

#include "mem.h"

#include <stdbool.h>
#include <stdint.h>

#define DIGITS_MAX 12

struct spec {
    bool left;
    bool zero;
    int width;
};

static void put_repeated(format_sink sink, void *context, char character, int count)
{
    while (count-- > 0) {
        sink(context, character);
    }
}

static void put_padded(format_sink sink, void *context, const struct spec *spec, const char *text, int length)
{
    int padding = spec->width - length;
    if (!spec->left) {
        put_repeated(sink, context, spec->zero ? '0' : ' ', padding);
    }
    for (int i = 0; i < length; i++) {
        sink(context, text[i]);
    }
    if (spec->left) {
        put_repeated(sink, context, ' ', padding);
    }
}

/* Digits are made from the last to the first, at the end of the buffer. */
static char *number_text(char *end, uint32_t value, uint32_t base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    do {
        *--end = digits[value % base];
        value /= base;
    } while (value > 0u);
    return end;
}

static void put_number(format_sink sink, void *context, const struct spec *spec, uint32_t value, char kind)
{
    char buffer[DIGITS_MAX];
    char *end = buffer + DIGITS_MAX;
    bool negative = kind == 'd' && (int32_t)value < 0;
    uint32_t base = (kind == 'x' || kind == 'X') ? 16u : 10u;
    char *text = number_text(end, negative ? 0u - value : value, base, kind == 'X');
    if (negative) {
        *--text = '-';
    }
    put_padded(sink, context, spec, text, (int)(end - text));
}

static const char *read_spec(const char *format, struct spec *spec)
{
    *spec = (struct spec){0};
    for (; *format == '-' || *format == '0'; format++) {
        if (*format == '-') {
            spec->left = true;
        } else {
            spec->zero = true;
        }
    }
    for (; *format >= '0' && *format <= '9'; format++) {
        spec->width = spec->width * 10 + (*format - '0');
    }
    while (*format == 'l') {
        format++;
    }
    return format;
}

void format_text(format_sink sink, void *context, const char *format, va_list arguments)
{
    for (; *format != '\0'; format++) {
        struct spec spec;
        if (*format != '%') {
            sink(context, *format);
            continue;
        }
        format = read_spec(format + 1, &spec);
        switch (*format) {
        case 's': {
            const char *text = va_arg(arguments, const char *);
            put_padded(sink, context, &spec, text, (int)strlen(text));
            break;
        }
        case 'c':
            sink(context, (char)va_arg(arguments, int));
            break;
        case 'd':
        case 'u':
        case 'x':
        case 'X':
            put_number(sink, context, &spec, va_arg(arguments, uint32_t), *format);
            break;
        case '\0':
            return;
        default:
            sink(context, *format);
            break;
        }
    }
}

struct buffer_sink {
    char *next;
    char *last;
};

static void put_buffer(void *context, char character)
{
    struct buffer_sink *sink = context;
    if (sink->next < sink->last) {
        *sink->next++ = character;
    }
}

size_t format_buffer(char *buffer, size_t size, const char *format, ...)
{
    struct buffer_sink sink = {buffer, buffer + size - 1u};
    va_list arguments;
    va_start(arguments, format);
    format_text(put_buffer, &sink, format, arguments);
    va_end(arguments);
    *sink.next = '\0';
    return (size_t)(sink.next - buffer);
}
