#include "keypad.h"

#include "clock.h"
#include "config.h"
#include "soc.h"

#define ROWS 5u
#define COLUMNS 4u
#define QUEUE 8u

static const uint8_t layout[ROWS][COLUMNS] = {
    {'1', '2', '3', KEY_CANCEL}, {'4', '5', '6', KEY_CLEAR},      {'7', '8', '9', KEY_UP},
    {'*', '0', '#', KEY_DOWN},   {'+', '-', KEY_ENTER, KEY_ENTER},
};

static uint8_t queue[QUEUE];
static uint32_t queue_head;
static uint32_t queue_tail;
static uint8_t candidate;
static uint8_t reported;
static uint32_t candidate_since;

/* Drives one row at a time; two keys at once count as none. */
static uint8_t scan(void)
{
    uint8_t found = KEY_NONE;
    for (uint32_t row = 0; row < ROWS; row++) {
        GPIO_BSRR(GPIOA_BASE) = (1u << row) | (0x1Fu & ~(1u << row)) << 16;
        barrier();
        uint32_t columns = GPIO_IDR(GPIOA_BASE) >> 5;
        for (uint32_t column = 0; column < COLUMNS; column++) {
            if ((columns & (1u << column)) == 0u) {
                continue;
            }
            if (found != KEY_NONE) {
                return KEY_NONE;
            }
            found = layout[row][column];
        }
    }
    return found;
}

static void enqueue(uint8_t key)
{
    if (queue_head - queue_tail < QUEUE) {
        queue[queue_head++ % QUEUE] = key;
    }
}

void keypad_poll(void)
{
    uint8_t now = scan();
    if (now != candidate) {
        candidate = now;
        candidate_since = clock_ms();
        return;
    }
    if (candidate == reported || clock_ms() - candidate_since < KEYPAD_DEBOUNCE_MS) {
        return;
    }
    reported = candidate;
    if (reported != KEY_NONE) {
        enqueue(reported);
    }
}

uint8_t keypad_take(void)
{
    return queue_tail == queue_head ? (uint8_t)KEY_NONE : queue[queue_tail++ % QUEUE];
}

bool keypad_released(void)
{
    return reported == KEY_NONE;
}
