#include "image.h"

#include "app_info.h"
#include "crc32.h"

static const void *start(void)
{
    return (const void *)app_info.load_address;
}

uint32_t image_address(void)
{
    return app_info.load_address;
}

uint32_t image_length(void)
{
    return app_info.image_size;
}

uint32_t image_crc32(void)
{
    return crc32(CRC32_START, start(), app_info.image_size);
}

void image_sha256(uint8_t digest[SHA256_SIZE])
{
    struct sha256 hash;
    sha256_start(&hash);
    sha256_add(&hash, start(), app_info.image_size);
    sha256_finish(&hash, digest);
}
