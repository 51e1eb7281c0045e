"""Share of failed reads of each track: one bad track is dirt on the head, all of them are the reader."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level


def _check(track: int) -> Check:
    return Check(
        id=f"msr.track_{track}",
        level=Level.EXTERNAL,
        title=Words(f"Magnetic stripe, track {track}", f"磁条第{track}磁道"),
        value=reading(f"msr.failed_{track}"),
        unit="%",
        high=25,
        warn_high=10,
        part="cleaning card",
        measures=(f"statistics.MissingStartSentinelTrack{track}Count", f"statistics.ParityLRCErrorTrack{track}Count"),
        cause=Words(f"too many reads of track {track} fail", f"第{track}磁道读取失败过多"),
        action=Words(
            "Use a cleaning card, then run: fwtool diagnose --port P msr",
            "使用清洁卡,然后运行 fwtool diagnose --port P msr",
        ),
    )


CHECKS = tuple(_check(track) for track in (1, 2, 3))
