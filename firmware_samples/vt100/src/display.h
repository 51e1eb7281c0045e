/* The 240 x 160 monochrome display. */
#ifndef DISPLAY_H
#define DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define DISPLAY_WIDTH 240u
#define DISPLAY_HEIGHT 160u
#define DISPLAY_LINES (DISPLAY_HEIGHT / 16u)

void display_start(void);
void display_clear(void);
void display_line(uint32_t line, const char *text, bool inverse);
void display_flush(void);

/* CRC of what is shown: lets the health check and tests compare screens. */
uint32_t display_checksum(void);

#endif
