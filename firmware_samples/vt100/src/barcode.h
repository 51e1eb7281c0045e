/* Code 128, set B: the serial number on the test slip. */
#ifndef BARCODE_H
#define BARCODE_H

#include <stdint.h>

/* Fills module[] with 0 (white) and 1 (black), one per module; returns how many, 0 where the text does not fit. */
uint32_t barcode_modules(const char *text, uint8_t *module, uint32_t capacity);

#endif
