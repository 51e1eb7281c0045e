/* The 5 x 4 keypad matrix. */
#ifndef KEYPAD_H
#define KEYPAD_H

#include <stdbool.h>
#include <stdint.h>

enum key { KEY_NONE = 0, KEY_CANCEL = 0x18, KEY_CLEAR = 0x08, KEY_ENTER = 0x0D, KEY_UP = 0x11, KEY_DOWN = 0x12 };

void keypad_poll(void);

/* The next key pressed, as an enum key or the character on it; KEY_NONE where none is waiting. */
uint8_t keypad_take(void);

/* Whether no key is held down. */
bool keypad_released(void);

#endif
