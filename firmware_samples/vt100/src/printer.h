/* The thermal printer: 384 dots a line, 24 dots high text. */
#ifndef PRINTER_H
#define PRINTER_H

#include <stdbool.h>
#include <stdint.h>

#define PRINTER_DOTS 384u
#define PRINTER_CELLS (PRINTER_DOTS / 12u)
#define PRINTER_SUPPLY_STEPS 13u
#define PRINTER_HEAD_STEPS 17u

enum align { ALIGN_LEFT, ALIGN_CENTRE, ALIGN_RIGHT };

extern const uint16_t printer_strobe_us[PRINTER_SUPPLY_STEPS][PRINTER_HEAD_STEPS];

void printer_start(void);
bool printer_paper_out(void);

/* A print-out: begin, lines, end.  The end gives the CRC of every raster line sent to the head. */
void printer_begin(void);
void printer_text(const char *text, enum align align);
void printer_pair(const char *left, const char *right);
void printer_barcode(const char *text);
uint32_t printer_end(void);

/* The arithmetic alone, for the health check. */
uint32_t printer_strobe(uint32_t supply_mv, int32_t head_celsius);

#if RELEASE >= 2
/* Since release 2 the rule is the printer's: the contactless slip needs it as well as the receipt. */
void printer_rule(void);
#endif

#endif
