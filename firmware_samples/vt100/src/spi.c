#include "spi.h"

#include "soc.h"

#include <stdbool.h>

/* A port that is not clocked never gets ready; the terminal must go on without it. */
#define SPI_PATIENCE 2000u

static bool wait_for(uint32_t port, uint32_t flag)
{
    for (uint32_t i = 0; i < SPI_PATIENCE; i++) {
        if ((SPI_SR(port) & flag) != 0u) {
            return true;
        }
    }
    return false;
}

void spi_start(void)
{
    static const uint32_t ports[] = {SPI1_BASE, SPI2_BASE, SPI3_BASE};
    RCC_APB2ENR |= 1u << 12;
    RCC_APB1ENR |= (1u << 14) | (1u << 15);
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        SPI_CR1(ports[i]) = (1u << 2) | (2u << 3) | (1u << 6) | (3u << 8);
    }
}

uint8_t spi_exchange(uint32_t port, uint8_t out)
{
    if (!wait_for(port, SPI_SR_TXE)) {
        return 0xFFu;
    }
    SPI_DR(port) = out;
    if (!wait_for(port, SPI_SR_RXNE)) {
        return 0xFFu;
    }
    return (uint8_t)SPI_DR(port);
}

void spi_send(uint32_t port, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)spi_exchange(port, bytes[i]);
    }
}
