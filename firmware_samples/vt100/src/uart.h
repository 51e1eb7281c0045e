/* The serial line to the till or the service computer: USART1, 8N1, polled. */
#ifndef UART_H
#define UART_H

#include <stdbool.h>

void uart_start(void);
bool uart_read(char *received);
void uart_put(char character);
void uart_write(const char *text);
void uart_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
