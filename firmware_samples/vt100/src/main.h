#ifndef MAIN_H
#define MAIN_H

__attribute__((noreturn)) void main_loop(void);

#endif
