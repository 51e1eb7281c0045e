/* The three SPI ports: display, contactless reader, printer head. */
#ifndef SPI_H
#define SPI_H

#include <stddef.h>
#include <stdint.h>

void spi_start(void);
uint8_t spi_exchange(uint32_t port, uint8_t out);
void spi_send(uint32_t port, const uint8_t *bytes, size_t count);

#endif
