#ifndef SELFTEST_H
#define SELFTEST_H

#include <stdbool.h>

enum check_result { CHECK_PASS, CHECK_FAIL, CHECK_NOT_FITTED };

/* Runs every check and reports each on the serial line; true where none failed. */
bool selftest_run(void);

#endif
