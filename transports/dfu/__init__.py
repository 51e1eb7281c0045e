"""USB Device Firmware Upgrade 1.1 and ST's DfuSe, host side.

Nothing in here but `usb` touches a port or a clock: a device is anything that answers control transfers (`device.DfuDevice`).
"""
