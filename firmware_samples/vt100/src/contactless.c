#include "contactless.h"

#include "clock.h"
#include "config.h"
#include "display.h"
#include "format.h"
#include "messages.h"
#include "param.h"
#include "printer.h"
#include "soc.h"
#include "spi.h"
#include "uart.h"

#include <stdbool.h>

#define REGISTER_VERSION 0x37u
#define REGISTER_FIELD 0x26u
#define FIELD_SETTLE_US 5000u
#define FIELD_MINIMUM 96u

/* Analogue settings of the reader chip for 106 kbit/s type A and type B: register, value. */
static const uint8_t setup[][2] = {
    {0x01, 0x0F}, {0x2A, 0x80}, {0x2B, 0xA9}, {0x2C, 0x03}, {0x2D, 0xE8}, {0x15, 0x40}, {0x11, 0x3D},
    {0x26, 0x68}, {0x24, 0x26}, {0x18, 0x84}, {0x19, 0x4D}, {0x12, 0x00}, {0x13, 0x00}, {0x14, 0x83},
    {0x27, 0x88}, {0x28, 0x20}, {0x29, 0x20}, {0x1C, 0x62}, {0x1D, 0x00}, {0x1F, 0x00}, {0x03, 0x80},
};

/* Field strength expected over the landing plane, in millivolts at the test coil: nine points by four heights. */
static const uint16_t landing_plane_mv[4][9] = {
    {310, 355, 312, 362, 428, 365, 308, 351, 309},
    {262, 304, 265, 310, 371, 313, 260, 301, 262},
    {201, 236, 203, 241, 292, 243, 199, 233, 201},
    {142, 168, 143, 172, 211, 174, 140, 166, 142},
};

static void write_register(uint8_t address, uint8_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(address << 1), value};
    spi_send(SPI2_BASE, bytes, sizeof bytes);
}

static uint8_t read_register(uint8_t address)
{
    (void)spi_exchange(SPI2_BASE, (uint8_t)(0x80u | address << 1));
    return spi_exchange(SPI2_BASE, 0u);
}

/* An open line reads all zeros or all ones. */
static bool answers(void)
{
    uint8_t version = read_register(REGISTER_VERSION);
    return version != 0x00u && version != 0xFFu;
}

void contactless_start(void)
{
    if (param_value(PARAM_CONTACTLESS) == 0u) {
        return;
    }
    for (uint32_t i = 0; i < sizeof setup / sizeof setup[0]; i++) {
        write_register(setup[i][0], setup[i][1]);
    }
}

uint16_t contactless_crc_a(const uint8_t *bytes, size_t count)
{
    uint16_t crc = 0x6363u;
    while (count-- > 0u) {
        uint8_t byte = (uint8_t)(*bytes++ ^ (crc & 0xFFu));
        byte = (uint8_t)(byte ^ byte << 4);
        crc = (uint16_t)(crc >> 8 ^ byte << 8 ^ byte << 3 ^ byte >> 4);
    }
    return crc;
}

/* The standard's example: 12 34 has the checksum CF26. */
static bool checksum_right(void)
{
    static const uint8_t example[] = {0x12, 0x34};
    return contactless_crc_a(example, sizeof example) == 0xCF26u;
}

static uint32_t weakest_point(uint32_t height)
{
    uint32_t weakest = landing_plane_mv[height][0];
    for (uint32_t i = 1; i < 9u; i++) {
        if (landing_plane_mv[height][i] < weakest) {
            weakest = landing_plane_mv[height][i];
        }
    }
    return weakest;
}

static bool field_strong(uint32_t *level)
{
    write_register(0x14u, 0x83u);
    clock_wait_us(FIELD_SETTLE_US);
    *level = read_register(REGISTER_FIELD);
    return *level >= FIELD_MINIMUM;
}

enum check_result contactless_check(void)
{
    uint32_t level;
    if (!checksum_right()) {
        return CHECK_FAIL;
    }
    if (param_value(PARAM_CONTACTLESS) == 0u || !answers()) {
        return CHECK_NOT_FITTED;
    }
    return field_strong(&level) ? CHECK_PASS : CHECK_FAIL;
}

static void print_plane(uint32_t level)
{
    char text[32];
    printer_begin();
    printer_text(message(MSG_CONTACTLESS_TEST), ALIGN_CENTRE);
    printer_rule();
    for (uint32_t height = 0; height < 4u; height++) {
        format_buffer(text, sizeof text, "%u cm  >= %u mV", (unsigned)height, (unsigned)weakest_point(height));
        printer_text(text, ALIGN_LEFT);
    }
    format_buffer(text, sizeof text, "%u / %u", (unsigned)level, (unsigned)FIELD_MINIMUM);
    printer_pair(message(level >= FIELD_MINIMUM ? MSG_FIELD_ON : MSG_FIELD_WEAK), text);
    printer_rule();
    (void)printer_end();
}

void contactless_report(void)
{
    uint32_t level = 0u;
    uart_printf("%s\n", message(MSG_CONTACTLESS_TEST));
    uart_printf("CRC_A: %s\n", message(checksum_right() ? MSG_PASS : MSG_FAIL));
    if (!answers()) {
        uart_printf("%s\n", message(MSG_READER_SILENT));
        return;
    }
    display_clear();
    display_line(4u, message(MSG_HOLD_CARD), false);
    display_flush();
    bool strong = field_strong(&level);
    uart_printf("%s (%u)\n", message(strong ? MSG_FIELD_ON : MSG_FIELD_WEAK), (unsigned)level);
    print_plane(level);
}
