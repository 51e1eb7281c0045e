/* Discharge curves of the lithium-ion cell at 0.2 C, millivolts at 0, 5, ... 100 percent, and the ADC readings of
 * its thermistor from -20 to 60 degrees Celsius in steps of two (10 kOhm, B = 3435, 10 kOhm pull-up). */
#include "battery.h"

const uint16_t battery_curve_warm[BATTERY_CURVE_POINTS] = {
    3300u, 3480u, 3560u, 3600u, 3625u, 3645u, 3660u, 3675u, 3690u, 3705u, 3725u,
    3750u, 3780u, 3815u, 3855u, 3895u, 3940u, 3990u, 4045u, 4105u, 4180u,
};

const uint16_t battery_curve_cold[BATTERY_CURVE_POINTS] = {
    3150u, 3290u, 3380u, 3435u, 3475u, 3505u, 3530u, 3550u, 3570u, 3590u, 3612u,
    3640u, 3672u, 3708u, 3748u, 3790u, 3836u, 3890u, 3950u, 4020u, 4110u,
};

const uint16_t battery_thermistor[BATTERY_THERMISTOR_POINTS] = {
    3627u, 3581u, 3532u, 3480u, 3425u, 3368u, 3307u, 3243u, 3177u, 3108u, 3037u,
    2964u, 2888u, 2812u, 2733u, 2654u, 2573u, 2492u, 2411u, 2329u, 2248u, 2167u,
    2087u, 2008u, 1930u, 1854u, 1778u, 1705u, 1634u, 1564u, 1496u, 1431u, 1368u,
    1307u, 1248u, 1191u, 1137u, 1084u, 1034u, 986u, 940u,
};
