/* The case switches.  Once opened, the alarm stays until power and memory are gone. */
#ifndef TAMPER_H
#define TAMPER_H

#include <stdbool.h>

void tamper_start(void);
void tamper_poll(void);
bool tamper_alarm(void);

#endif
