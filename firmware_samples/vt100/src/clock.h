/* Milliseconds since start, from the SysTick timer. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

void clock_start(void);
void clock_tick(void);
uint32_t clock_ms(void);
void clock_wait_us(uint32_t microseconds);

#endif
