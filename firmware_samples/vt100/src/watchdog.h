/* The independent watchdog, and the count of faults that survives a warm reset. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdint.h>

void watchdog_start(void);
void watchdog_feed(void);
void watchdog_note_fault(void);
uint32_t watchdog_faults(void);

#endif
