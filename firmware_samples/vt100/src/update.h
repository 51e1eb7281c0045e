/* Hands over to the boot loader for a firmware update. */
#ifndef UPDATE_H
#define UPDATE_H

/* Restarts into the boot loader, or says why not. */
void update_request(void);

/* After a start: says so where the boot loader left the last request lying. */
void update_report_last(void);

#endif
