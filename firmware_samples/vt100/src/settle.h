#ifndef SETTLE_H
#define SETTLE_H

/* Prints the totals and empties the journal. */
void settle_batch(void);

#endif
