/* Commands on the serial line. */
#ifndef COMMAND_H
#define COMMAND_H

void command_prompt(void);

/* Takes one received character; a line's end runs the command. */
void command_character(char received);

#endif
