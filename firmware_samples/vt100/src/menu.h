#ifndef MENU_H
#define MENU_H

/* Serves the keypad: the service menu on the display. */
void menu_poll(void);

#endif
