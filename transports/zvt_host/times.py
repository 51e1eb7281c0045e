"""Dates and times as ZVT has them: digits, local time, sometimes without a year, sometimes such as do not exist."""

import datetime
from typing import Final

DAY: Final = datetime.timedelta(days=1)


def moment(date: str | None, time: str | None) -> datetime.datetime | None:
    """YYYYMMDD and HHMMSS as a time; None if there is no such time."""
    try:
        return datetime.datetime.strptime(f"{date}{time}", "%Y%m%d%H%M%S")  # noqa: DTZ007 - it has no zone
    except ValueError:
        return None


def day(date: str | None, today: datetime.date) -> datetime.date | None:
    """MMDD as the last such day that is not after tomorrow: a terminal's clock may be ahead."""
    for year in (today.year + 1, today.year, today.year - 1):
        found = moment(f"{year}{date}", "000000")
        if found and found.date() <= today + DAY:
            return found.date()
    return None


def digits(when: datetime.datetime) -> tuple[str, str]:
    """YYMMDD and HHMMSS."""
    return when.strftime("%y%m%d"), when.strftime("%H%M%S")
