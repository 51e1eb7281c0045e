#include "battery.h"

#include "clock.h"
#include "config.h"
#include "soc.h"

#define CHANNEL_VOLTAGE 10u
#define CHANNEL_THERMISTOR 11u
#define CONVERSION_PATIENCE 500u
#define FULL_SCALE_MV 6600u /* a 1:1 divider in front of a 3.3 V reference */
#define POLL_MS 1000u
#define WARM_CELSIUS 25
#define PLAUSIBLE_MV 2500u

static uint32_t last_poll;
static bool present;
static uint32_t millivolts;
static int32_t celsius;

static bool convert(uint32_t channel, uint32_t *reading)
{
    ADC1_SQR3 = channel;
    ADC1_CR2 |= 1u << 30;
    for (uint32_t i = 0; i < CONVERSION_PATIENCE; i++) {
        if ((ADC1_SR & 2u) != 0u) {
            *reading = ADC1_DR & 0xFFFu;
            return true;
        }
    }
    return false;
}

static uint32_t on_curve(const uint16_t *curve, uint32_t value)
{
    if (value <= curve[0]) {
        return 0u;
    }
    for (uint32_t i = 1; i < BATTERY_CURVE_POINTS; i++) {
        if (value < curve[i]) {
            return 5u * (i - 1u) + 5u * (value - curve[i - 1u]) / (curve[i] - curve[i - 1u]);
        }
    }
    return 100u;
}

/* Between freezing and room temperature the truth lies between the two curves. */
uint32_t battery_percent_of(uint32_t cell_millivolts, int32_t cell_celsius)
{
    uint32_t warm = on_curve(battery_curve_warm, cell_millivolts);
    uint32_t cold = on_curve(battery_curve_cold, cell_millivolts);
    if (cell_celsius >= WARM_CELSIUS) {
        return warm;
    }
    if (cell_celsius <= 0) {
        return cold;
    }
    return (warm * (uint32_t)cell_celsius + cold * (uint32_t)(WARM_CELSIUS - cell_celsius)) / (uint32_t)WARM_CELSIUS;
}

int32_t battery_celsius_of(uint32_t reading)
{
    int32_t degrees = -20;
    for (uint32_t i = 1; i < BATTERY_THERMISTOR_POINTS; i++, degrees += 2) {
        if (reading >= battery_thermistor[i]) {
            uint32_t step = battery_thermistor[i - 1u] - battery_thermistor[i];
            uint32_t above = reading - battery_thermistor[i];
            return above >= step ? degrees : degrees + (2u * above < step ? 2 : 1);
        }
    }
    return degrees;
}

void battery_start(void)
{
    RCC_APB2ENR |= 1u << 8;
    ADC1_CR2 = 1u;
    last_poll = 0u - POLL_MS;
    battery_poll();
}

void battery_poll(void)
{
    uint32_t voltage;
    uint32_t thermistor;
    if (clock_ms() - last_poll < POLL_MS) {
        return;
    }
    last_poll = clock_ms();
    present = convert(CHANNEL_VOLTAGE, &voltage) && convert(CHANNEL_THERMISTOR, &thermistor);
    if (present) {
        millivolts = voltage * FULL_SCALE_MV / 4095u;
        celsius = battery_celsius_of(thermistor);
        present = millivolts > PLAUSIBLE_MV;
    }
}

bool battery_present(void)
{
    return present;
}

bool battery_low(void)
{
    return present && battery_percent() < BATTERY_LOW_PERCENT;
}

uint32_t battery_percent(void)
{
    return battery_percent_of(millivolts, celsius);
}

uint32_t battery_millivolts(void)
{
    return millivolts;
}

int32_t battery_celsius(void)
{
    return celsius;
}
