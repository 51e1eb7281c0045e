/* What is printed: receipts, the test slip, the settlement slip. */
#ifndef RECEIPT_H
#define RECEIPT_H

#include "journal.h"

#include <stdint.h>

/* Each gives the raster checksum of the print-out. */
uint32_t receipt_sale(const struct journal_entry *entry);
uint32_t receipt_test_slip(void);
uint32_t receipt_settlement(const struct journal_totals *totals, uint32_t batch);

#endif
