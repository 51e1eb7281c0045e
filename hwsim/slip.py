"""What stands on the terminal's test slip."""

import time

from formats.versions import Version
from hwsim.peripherals import Peripherals
from hwsim.printer import Line
from hwsim.slots import Identity

LIFE_M = 30_000
CLEAN_M = 160
PALEST = 190


def test_slip(
    identity: Identity, version: Version, counter: int, peripherals: Peripherals, now: int, extra: tuple[str, ...]
) -> list[Line]:
    """Device and versions, both code pages, bar code and QR code, density bars, alternating dots (dead dots show), ruler, and
    the host's lines; as dark as the head still makes them."""
    stamp = time.strftime("%Y-%m-%d %H:%M", time.gmtime(now))
    lines = [
        Line("打印测试单", large=True),
        Line("TEST SLIP", large=True),
        Line(pattern="rule"),
        Line(f"{identity.vendor} {identity.model} rev {identity.revision}"),
        Line(f"序列号 S/N  {identity.serial_number}"),
        Line(f"固件 Firmware  {version}"),
        Line(f"防降级版本号 Counter  {counter}"),
        Line(f"日期 Date  {stamp} UTC"),
        Line(f"电池 Battery  {peripherals.battery_percent} % {peripherals.battery_mv / 1000:.2f} V"),
        Line(f"打印头 Head  {peripherals.head_metres / 1000:.1f} km {peripherals.head_temperature_c}°C"),
        Line(pattern="rule"),
        Line("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        Line("abcdefghijklmnopqrstuvwxyz"),
        Line("0123456789 .,:;!?#%&()*+-/=€£¥"),
        Line("缺纸 卡纸 请勿断电 批结算"),
        Line(identity.serial_number, pattern="bar_code"),
        Line(f"{identity.model} {identity.serial_number} {version}", pattern="qr_code"),
        Line(pattern="density"),
        Line(pattern="dots"),
        Line(pattern="ruler"),
        Line(pattern="rule"),
        *(Line(text[:64]) for text in extra),
        Line("测试完成 END OF TEST"),
    ]
    grey = ink(peripherals.head_metres, peripherals.metres_since_cleaning)
    return [line._replace(ink=grey) for line in lines]


def ink(metres: int, since_cleaning: int) -> int:
    """Grey of the print: paler from 30 km of paper on (head life is quoted as 30 to 50 km), and 160 m after a cleaning."""
    worn = max(0, metres - LIFE_M) / LIFE_M * 160
    dirty = max(0, since_cleaning - CLEAN_M) / CLEAN_M * 80
    return min(PALEST, round(worn + dirty))
