"""MCUboot images: header, payload, TLV areas and trailer, as the boot loader of mcu-tools/mcuboot and imgtool 2.5 know them.

Sources: boot/bootutil/include/bootutil/image.h, boot/bootutil/src (tlv.c, image_validate.c, bootutil_misc.h), docs/design.md,
docs/encrypted_images.md and docs/compression_format.md of mcu-tools/mcuboot; the behaviour of imgtool 2.5.0.
"""
