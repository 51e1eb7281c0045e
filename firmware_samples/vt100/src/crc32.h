/* CRC-32 as in Ethernet and zip. */
#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

#define CRC32_START 0u

/* Pass the last result to go on where it stopped. */
uint32_t crc32(uint32_t previous, const void *bytes, size_t count);

#endif
