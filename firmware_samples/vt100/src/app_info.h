/* The block by which the boot loader and tools recognise the application. */
#ifndef APP_INFO_H
#define APP_INFO_H

#include <stdint.h>

struct app_info {
    char magic[8];
    uint32_t layout;
    uint32_t version;
    uint32_t load_address;
    uint32_t image_size;
    char product[16];
    char version_text[16];
};

extern const struct app_info app_info;

#endif
