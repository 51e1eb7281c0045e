/* The ring of transactions that are not settled yet; it survives a warm reset. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

enum journal_kind { JOURNAL_SALE, JOURNAL_REFUND };

struct journal_entry {
    uint32_t trace;
    uint32_t amount;
    uint16_t currency;
    uint8_t kind;
    uint8_t reserved;
};

struct journal_totals {
    uint32_t sales;
    uint32_t sale_amount;
    uint32_t refunds;
    uint32_t refund_amount;
};

void journal_start(void);

/* False where the ring is full, or the batch's totals would no longer fit the settlement slip: an unsettled
 * transaction is never overwritten. */
bool journal_add(enum journal_kind kind, uint32_t amount, uint32_t currency, struct journal_entry *added);
uint32_t journal_unsettled(void);
const struct journal_entry *journal_at(uint32_t index);
uint32_t journal_batch(void);
void journal_totals(struct journal_totals *totals);
void journal_close_batch(void);

/* Whether the ring's checksum fits its content. */
bool journal_sound(void);

#endif
