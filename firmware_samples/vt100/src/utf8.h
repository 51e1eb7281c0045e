/* Walks through UTF-8 text. */
#ifndef UTF8_H
#define UTF8_H

#include <stdint.h>

#define UTF8_BROKEN 0xFFFDu

/* The code point at *text, which is moved on; 0 at the end of the text. */
uint32_t utf8_next(const char **text);

/* Width on paper in half-width cells: Chinese characters take two. */
uint32_t utf8_cells(const char *text);

#endif
