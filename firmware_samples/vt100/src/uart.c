#include "uart.h"

#include "config.h"
#include "format.h"
#include "soc.h"

#include <stdarg.h>

void uart_start(void)
{
    RCC_APB2ENR |= 1u << 4;
    USART1_BRR = (APB2_HZ + UART_BAUD / 2u) / UART_BAUD;
    USART1_CR1 = (1u << 13) | (1u << 3) | (1u << 2);
}

bool uart_read(char *received)
{
    if ((USART1_SR & USART_SR_RXNE) == 0u) {
        return false;
    }
    *received = (char)USART1_DR;
    return true;
}

void uart_put(char character)
{
    while ((USART1_SR & USART_SR_TXE) == 0u) {
    }
    USART1_DR = (uint8_t)character;
}

/* Text in the program has bare line feeds; terminals want CR LF. */
static void put_text(void *unused, char character)
{
    (void)unused;
    if (character == '\n') {
        uart_put('\r');
    }
    uart_put(character);
}

void uart_write(const char *text)
{
    while (*text != '\0') {
        put_text(0, *text++);
    }
}

void uart_printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_text(put_text, 0, format, arguments);
    va_end(arguments);
}
