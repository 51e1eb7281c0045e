#ifndef BANNER_H
#define BANNER_H

/* Name and version, on the serial line and the display. */
void banner_show(void);

/* One line with name, version and release. */
void banner_version(void);

#endif
