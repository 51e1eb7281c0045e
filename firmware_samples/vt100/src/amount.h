/* Amounts are counted in the currency's smallest unit. */
#ifndef AMOUNT_H
#define AMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AMOUNT_TEXT_SIZE 24u
#define AMOUNT_WORDS_SIZE 128u
#define AMOUNT_MAX 999999999u

/* "1,234.56" */
void amount_text(char *buffer, size_t size, uint32_t amount, uint32_t decimals);

/* Reads "12", "12.5" or "12.50"; false where it is no amount or too large. */
bool amount_read(const char *text, uint32_t decimals, uint32_t *amount);

#if RELEASE >= 2
/* The way Chinese receipts write an amount out against forgery: 1234.50 is "壹仟贰佰叁拾肆元伍角". */
void amount_words(char *buffer, size_t size, uint32_t amount);
#endif

#endif
