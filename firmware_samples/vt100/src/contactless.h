/* The contactless reader, new in release 2: its start-up and its self-test. */
#ifndef CONTACTLESS_H
#define CONTACTLESS_H

#include "selftest.h"

#include <stddef.h>
#include <stdint.h>

void contactless_start(void);

/* For the health check: not fitted where no reader chip answers. */
enum check_result contactless_check(void);

/* The self-test by itself, told step by step on the serial line and on a slip. */
void contactless_report(void);

/* ISO/IEC 14443-3, checksum A. */
uint16_t contactless_crc_a(const uint8_t *bytes, size_t count);

#endif
