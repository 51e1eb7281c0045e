#include "printer.h"

#include "barcode.h"
#include "battery.h"
#include "clock.h"
#include "config.h"
#include "crc32.h"
#include "font.h"
#include "mem.h"
#include "soc.h"
#include "spi.h"
#include "uart.h"
#include "utf8.h"
#include "watchdog.h"

#define LINE_BYTES (PRINTER_DOTS / 8u)
#define TEXT_HEIGHT 24u
#define LINE_GAP 4u
#define BARCODE_HEIGHT 64u
#define PIN_PAPER_OUT (1u << 4)
#define PIN_LATCH (1u << 5)
#define PIN_STROBES (3u << 6)
#define PIN_MOTOR_SHIFT 8u
#define MAINS_SUPPLY_MV 8400u

static uint8_t raster[TEXT_HEIGHT][LINE_BYTES];
static uint32_t printed;
static uint32_t motor_phase;

void printer_start(void)
{
    GPIO_BSRR(GPIOB_BASE) = PIN_STROBES << 16;
}

bool printer_paper_out(void)
{
    return (GPIO_IDR(GPIOB_BASE) & PIN_PAPER_OUT) != 0u;
}

static uint32_t clamp_step(int32_t value, uint32_t steps)
{
    if (value < 0) {
        return 0u;
    }
    return (uint32_t)value >= steps ? steps - 1u : (uint32_t)value;
}

uint32_t printer_strobe(uint32_t supply_mv, int32_t head_celsius)
{
    uint32_t supply = clamp_step(((int32_t)supply_mv - 6000) / 200, PRINTER_SUPPLY_STEPS);
    uint32_t head = clamp_step((head_celsius + 10) / 5, PRINTER_HEAD_STEPS);
    return printer_strobe_us[supply][head];
}

/* Dense lines are heated longer: the supply sags with the number of black dots. */
static uint32_t strobe_for(const uint8_t *line)
{
    static const uint8_t ones[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    uint32_t black = 0u;
    for (uint32_t i = 0; i < LINE_BYTES; i++) {
        black += (uint32_t)ones[line[i] >> 4] + ones[line[i] & 0xFu];
    }
    uint32_t supply = battery_present() ? 2u * battery_millivolts() : MAINS_SUPPLY_MV;
    uint32_t base = printer_strobe(supply, battery_present() ? battery_celsius() : 25);
    return base + base * black / (4u * PRINTER_DOTS);
}

static void step_motor(void)
{
    static const uint8_t phases[4] = {0x9u, 0x5u, 0x6u, 0xAu};
    uint32_t on = phases[motor_phase++ % 4u];
    GPIO_BSRR(GPIOB_BASE) = on << PIN_MOTOR_SHIFT | (~on & 0xFu) << (PIN_MOTOR_SHIFT + 16u);
}

static void send_line(const uint8_t *line)
{
    spi_send(SPI3_BASE, line, LINE_BYTES);
    GPIO_BSRR(GPIOB_BASE) = PIN_LATCH;
    GPIO_BSRR(GPIOB_BASE) = PIN_LATCH << 16;
    GPIO_BSRR(GPIOB_BASE) = PIN_STROBES;
    clock_wait_us(strobe_for(line));
    GPIO_BSRR(GPIOB_BASE) = PIN_STROBES << 16;
    step_motor();
    printed = crc32(printed, line, LINE_BYTES);
}

static void feed(uint32_t lines)
{
    while (lines-- > 0u) {
        step_motor();
        clock_wait_us(500u);
    }
}

static void draw_glyph(uint32_t left, const struct glyph *glyph)
{
    for (uint32_t y = 0; y < glyph->height; y++) {
        for (uint32_t x = 0; x < glyph->width; x++) {
            if (font_pixel(glyph, x, y)) {
                raster[y][(left + x) / 8u] |= (uint8_t)(0x80u >> ((left + x) % 8u));
            }
        }
    }
}

static void draw_text(uint32_t left, const char *text)
{
    uint32_t code;
    while ((code = utf8_next(&text)) != 0u) {
        struct glyph glyph;
        (void)font_find(FONT_PRINTER, code, &glyph);
        if (left + glyph.width > PRINTER_DOTS) {
            return;
        }
        draw_glyph(left, &glyph);
        left += glyph.width;
    }
}

static void send_raster(void)
{
    for (uint32_t y = 0; y < TEXT_HEIGHT; y++) {
        send_line(raster[y]);
    }
    feed(LINE_GAP);
    memset(raster, 0, sizeof raster);
    watchdog_feed();
}

void printer_begin(void)
{
    printed = CRC32_START;
    memset(raster, 0, sizeof raster);
}

static uint32_t indent(const char *text, enum align align)
{
    uint32_t cells = utf8_cells(text);
    uint32_t room = cells < PRINTER_CELLS ? PRINTER_CELLS - cells : 0u;
    if (align == ALIGN_LEFT) {
        return 0u;
    }
    return align == ALIGN_CENTRE ? room / 2u : room;
}

/* What goes to paper is echoed on the serial line, so that a service computer sees the print-out. */
static void echo(uint32_t spaces, const char *text)
{
    while (spaces-- > 0u) {
        uart_put(' ');
    }
    uart_write(text);
}

void printer_text(const char *text, enum align align)
{
    uint32_t cells = indent(text, align);
    draw_text(12u * cells, text);
    send_raster();
    uart_write("| ");
    echo(cells, text);
    uart_write("\n");
}

void printer_pair(const char *left, const char *right)
{
    uint32_t used = utf8_cells(left);
    uint32_t at = indent(right, ALIGN_RIGHT);
    draw_text(0u, left);
    draw_text(12u * at, right);
    send_raster();
    uart_write("| ");
    uart_write(left);
    echo(at > used ? at - used : 1u, right);
    uart_write("\n");
}

void printer_barcode(const char *text)
{
    uint8_t modules[PRINTER_DOTS];
    uint8_t line[LINE_BYTES] = {0};
    uint32_t count = barcode_modules(text, modules, sizeof modules);
    uint32_t left = (PRINTER_DOTS - count) / 2u;
    for (uint32_t i = 0; i < count; i++) {
        if (modules[i] != 0u) {
            line[(left + i) / 8u] |= (uint8_t)(0x80u >> ((left + i) % 8u));
        }
    }
    for (uint32_t y = 0; y < BARCODE_HEIGHT; y++) {
        send_line(line);
    }
    feed(LINE_GAP);
    watchdog_feed();
    uart_printf("| [Code 128: %s]\n", text);
}

uint32_t printer_end(void)
{
    feed(PRINTER_FEED_LINES);
    return printed;
}

#if RELEASE >= 2
void printer_rule(void)
{
    printer_text("--------------------------------", ALIGN_LEFT);
}
#endif
