/* A small printf: %c %s %d %u %x %X %%, with a width, '0' and '-'. */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdarg.h>
#include <stddef.h>

typedef void (*format_sink)(void *context, char character);

void format_text(format_sink sink, void *context, const char *format, va_list arguments);

/* Writes at most size - 1 characters and a final zero; returns the length that was written. */
size_t format_buffer(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
