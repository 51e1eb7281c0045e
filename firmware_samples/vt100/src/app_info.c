/* Placed by the linker script 0x200 bytes after the image's start. */
#include "app_info.h"
#include "config.h"

extern const char __image_start[];
extern const char __image_size[];

__attribute__((section(".app_info"), used)) const struct app_info app_info = {
    .magic = "VT100APP",
    .layout = 1u,
    .version = VERSION_NUMBER,
    .load_address = (uint32_t)__image_start,
    .image_size = (uint32_t)__image_size,
    .product = PRODUCT_NAME,
    .version_text = VERSION_STRING,
};
