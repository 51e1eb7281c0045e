#include "journal.h"

#include "config.h"
#include "crc32.h"
#include "mem.h"

#define JOURNAL_MARK 0x4A524E4Cu
#define TOTAL_MAX 999999999u

struct journal {
    uint32_t mark;
    uint32_t capacity;
    uint32_t first;
    uint32_t count;
    uint32_t trace;
    uint32_t batch;
    struct journal_entry entries[JOURNAL_CAPACITY];
    uint32_t checksum;
};

__attribute__((section(".noinit"))) static struct journal journal;

static uint32_t checksum(void)
{
    return crc32(CRC32_START, &journal, sizeof journal - sizeof journal.checksum);
}

bool journal_sound(void)
{
    return journal.mark == JOURNAL_MARK && journal.capacity == JOURNAL_CAPACITY && journal.checksum == checksum();
}

void journal_start(void)
{
    if (journal_sound()) {
        return;
    }
    memset(&journal, 0, sizeof journal);
    journal.mark = JOURNAL_MARK;
    journal.capacity = JOURNAL_CAPACITY;
    journal.batch = 1u;
    journal.checksum = checksum();
}

static bool has_room(uint32_t amount)
{
    struct journal_totals totals;
    journal_totals(&totals);
    return journal.count < JOURNAL_CAPACITY && totals.sale_amount <= TOTAL_MAX - amount &&
           totals.refund_amount <= TOTAL_MAX - amount;
}

bool journal_add(enum journal_kind kind, uint32_t amount, uint32_t currency, struct journal_entry *added)
{
    if (!has_room(amount)) {
        return false;
    }
    struct journal_entry *entry = &journal.entries[(journal.first + journal.count) % JOURNAL_CAPACITY];
    journal.trace++;
    *entry = (struct journal_entry){journal.trace, amount, (uint16_t)currency, (uint8_t)kind, 0u};
    journal.count++;
    journal.checksum = checksum();
    *added = *entry;
    return true;
}

uint32_t journal_unsettled(void)
{
    return journal.count;
}

const struct journal_entry *journal_at(uint32_t index)
{
    return index < journal.count ? &journal.entries[(journal.first + index) % JOURNAL_CAPACITY] : 0;
}

uint32_t journal_batch(void)
{
    return journal.batch;
}

void journal_totals(struct journal_totals *totals)
{
    memset(totals, 0, sizeof *totals);
    for (uint32_t i = 0; i < journal.count; i++) {
        const struct journal_entry *entry = journal_at(i);
        if (entry->kind == JOURNAL_SALE) {
            totals->sales++;
            totals->sale_amount += entry->amount;
        } else {
            totals->refunds++;
            totals->refund_amount += entry->amount;
        }
    }
}

/* The emptied ring goes on behind the last entry, which spreads wear in the version that keeps it in flash. */
void journal_close_batch(void)
{
    journal.first = (journal.first + journal.count) % JOURNAL_CAPACITY;
    journal.count = 0u;
    journal.batch++;
    journal.checksum = checksum();
}
