#include "settle.h"

#include "journal.h"
#include "messages.h"
#include "printer.h"
#include "receipt.h"
#include "uart.h"

/* Without paper nothing is settled: the merchant would have no record of the totals. */
void settle_batch(void)
{
    struct journal_totals totals;
    if (journal_unsettled() == 0u) {
        uart_printf("%s\n", message(MSG_BATCH_EMPTY));
        return;
    }
    if (printer_paper_out()) {
        uart_printf("%s\n", message(MSG_PAPER_OUT));
        return;
    }
    journal_totals(&totals);
    (void)receipt_settlement(&totals, journal_batch());
    journal_close_batch();
    uart_printf("%s\n", message(MSG_BATCH_SETTLED));
}
