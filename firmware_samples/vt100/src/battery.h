/* The battery gauge: charge from voltage and temperature. */
#ifndef BATTERY_H
#define BATTERY_H

#include <stdbool.h>
#include <stdint.h>

#define BATTERY_CURVE_POINTS 21u
#define BATTERY_THERMISTOR_POINTS 41u

extern const uint16_t battery_curve_warm[BATTERY_CURVE_POINTS];
extern const uint16_t battery_curve_cold[BATTERY_CURVE_POINTS];
extern const uint16_t battery_thermistor[BATTERY_THERMISTOR_POINTS];

void battery_start(void);
void battery_poll(void);

/* False while the gauge gives no reading: the terminal then runs on mains power. */
bool battery_present(void);
bool battery_low(void);
uint32_t battery_percent(void);
uint32_t battery_millivolts(void);
int32_t battery_celsius(void);

/* The arithmetic alone, for the health check. */
uint32_t battery_percent_of(uint32_t millivolts, int32_t celsius);
int32_t battery_celsius_of(uint32_t reading);

#endif
