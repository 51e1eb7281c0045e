/* The running program's own bytes. */
#ifndef IMAGE_H
#define IMAGE_H

#include "sha256.h"

#include <stdint.h>

uint32_t image_address(void);
uint32_t image_length(void);
uint32_t image_crc32(void);
void image_sha256(uint8_t digest[SHA256_SIZE]);

#endif
