"""Maintenance times: notices in Chinese and English, calendars, lists; what is unclear is told and not guessed."""

import datetime
import pathlib
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import FormatError, ToolError
from fwtool.settlement import calendar_file, notices, prose
from fwtool.settlement.clock import at
from fwtool.settlement.windows import Index, Notice, Window, changes, without_doubles

ISSUED = datetime.date(2026, 4, 20)
NAMES = {"ICBC": ("工商银行", "工行"), "ABC": ("农业银行",)}


def read(text: str, issued: datetime.date = ISSUED) -> Notice:
    return prose.read(text, issued, "Asia/Shanghai", NAMES)


def spans(notice: Notice) -> list[str]:
    return [f"{at(one.start, one.zone):%Y-%m-%d %H:%M} {at(one.end, one.zone):%Y-%m-%d %H:%M}" for one in notice.windows]


CORPUS = [
    # Shapes (a) to (g) of the facts, with the dates of notices of 2013 to 2022.
    (
        "2015年共安排支付清算系统维护窗口3次,分别为1月24日、2月7日、12月12日00:00开始,08:00前结束。",
        ["2015-01-24 00:00 2015-01-24 08:00", "2015-02-07 00:00 2015-02-07 08:00", "2015-12-12 00:00 2015-12-12 08:00"],
    ),
    (
        "小额支付系统自2013年9月30日16:00至10月6日8:30停运,计划10月6日8:30开始试运行;网上支付跨行清算系统自2013年9月30日16:00至10月7日16:00停运",
        ["2013-09-30 16:00 2013-10-06 08:30", "2013-09-30 16:00 2013-10-07 16:00"],
    ),
    ("将于7月5日0:00-0:10；2:30-6:00进行系统维护", ["2026-07-05 00:00 2026-07-05 00:10", "2026-07-05 02:30 2026-07-05 06:00"]),
    ("28日（周二）凌晨3:00至5:50", ["2026-04-28 03:00 2026-04-28 05:50"]),
    ("11月22日0时-12时", ["2026-11-22 00:00 2026-11-22 12:00"]),
    ("1月12日22:00至1月13日24:00", ["2027-01-12 22:00 2027-01-14 00:00"]),
    ("3月20日0:00至06:00开启支付清算系统维护窗口", ["2026-03-20 00:00 2026-03-20 06:00"]),
    # Ours, and the brief's.
    ("5月3日23:00至次日06:00", ["2026-05-03 23:00 2026-05-04 06:00"]),
    ("2026年5月3日晚11点半至翌日6点", ["2026-05-03 23:30 2026-05-04 06:00"]),
    ("5月3日下午2点到5点", ["2026-05-03 14:00 2026-05-03 17:00"]),
    ("5月3日中午12:00至13:30", ["2026-05-03 12:00 2026-05-03 13:30"]),
    ("5月3日至5月5日每日0:00-6:00", [f"2026-05-0{day} 00:00 2026-05-0{day} 06:00" for day in (3, 4, 5)]),
    ("２０２６年５月３日 ２３∶００ — ２４﹕００", ["2026-05-03 23:00 2026-05-04 00:00"]),
    ("2026年12月31日23:00至1月1日3:00", ["2026-12-31 23:00 2027-01-01 03:00"]),
    ("from 11 pm on 3 May to 6 am", ["2026-05-03 23:00 2026-05-04 06:00"]),
    ("on 3 May from 23:00 until 06:00 the next day", ["2026-05-03 23:00 2026-05-04 06:00"]),
    ("between 00:30 and 04:00 on 5 July 2026", ["2026-07-05 00:30 2026-07-05 04:00"]),
    ("Sunday, 22 November 2026 from 00:00 to 06:00", ["2026-11-22 00:00 2026-11-22 06:00"]),
    ("From May 3rd, 2026 23:00 to May 4th, 2026 06:00", ["2026-05-03 23:00 2026-05-04 06:00"]),
    ("3 May and 10 May from 22:00 to midnight", ["2026-05-03 22:00 2026-05-04 00:00", "2026-05-10 22:00 2026-05-11 00:00"]),
    ("2026-05-03 23:00 to 2026-05-04 06:00", ["2026-05-03 23:00 2026-05-04 06:00"]),
    ("Card service is down on 2 June 0100hrs to 0500hrs.", ["2026-06-02 01:00 2026-06-02 05:00"]),
    ("from 12 am to 12 pm on 1 June", ["2026-06-01 00:00 2026-06-01 12:00"]),
]


@pytest.mark.parametrize(("text", "expected"), CORPUS, ids=[text[:24] for text, _ in CORPUS])
def test_notices(text: str, expected: list[str]) -> None:
    found = read(text)
    assert spans(found) == expected
    assert found.problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "每月最后一个星期三凌晨2:00至4:00",
        "每周三2:00-4:00维护",
        "2月30日0:00至6:00",
        "5月3日0:00至25:00",
        "5月3日9:61至10:00",
        "5月3日(周一)0:00至6:00",
        "5月3-5日0:00至6:00",
        "7:00至9:30系统维护",
        "5月3日8:30正式运行",
        "every Wednesday 02:00 to 04:00",
        "1-3 June 2026 daily 01:00-02:00",
        "on 3 May from 13 pm to 14 pm",
        "the last Wednesday of May, 04:30 to 05:30",
        "5月3日6:00至5月2日8:00",
        "Monday 3 May 2026 from 00:00 to 06:00",
    ],
)
def test_what_is_not_guessed(text: str) -> None:
    found = read(text)
    assert found.windows == ()
    assert len(found.problems) == 1
    assert found.problems[0].text
    assert found.problems[0].why


@pytest.mark.parametrize(
    "text", ["如遇特殊情况,另行通知。服务热线400-920-0988", "感谢您的支持!", "银办发【2021】95号", "", "会议于5月3日召开"]
)
def test_sentences_about_nothing(text: str) -> None:
    found = read(text)
    assert (found.windows, found.problems) == ((), ())


def test_a_roll_over_without_a_word_is_flagged() -> None:
    (one,) = read("5月3日22:00至4:00").windows
    assert one.flags == ("rolled_over",)
    assert spans(read("5月3日22:00至4:00")) == ["2026-05-03 22:00 2026-05-04 04:00"]
    assert read("5月3日22:00至次日4:00").windows[0].flags == ()


def test_who_what_and_how_badly() -> None:
    text = (
        "工商银行将于5月3日23:00至次日06:00进行系统维护,期间POS刷卡交易可能短暂中断。如遇特殊情况另行通知。"
        "农业银行网上银行将于5月4日0:00至2:00暂停服务。"
    )
    one, other = read(text).windows
    assert (one.bank, one.services, one.effect) == ("ICBC", ("card",), "brief")
    assert one.counts
    assert (other.bank, other.services, other.effect) == ("ABC", ("online",), "brief")
    assert not other.counts, "internet banking alone does not touch card money"
    pboc = read("3月20日0:00至06:00开启维护窗口。期间,小额支付系统和网上支付跨行清算系统暂停受理业务。").windows[0]
    assert (pboc.bank, pboc.services, pboc.effect) == ("", ("clearing",), "stopped")


def test_zones() -> None:
    assert read("Maintenance on 3 May 2026 from 04:30 to 05:30 ET").windows[0].zone == "America/New_York"
    assert read("Maintenance on 3 May 2026 from 04:30 to 05:30 UTC").windows[0].start == 1777782600
    assert read("北京时间5月3日0:00至6:00").windows[0].zone == "Asia/Shanghai"


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    for one in read(text).windows:
        assert one.start < one.end


@given(
    st.lists(
        st.sampled_from(
            [
                "5月3日",
                "至",
                "到",
                "次日",
                "23:00",
                "6点",
                "半",
                "下午",
                "、",
                ";",
                "每周",
                "from",
                "to",
                "3",
                "May",
                "11",
                "pm",
                "on",
                "the",
                "next",
                "day",
                "2026年",
                "(",
                ")",
                "-",
                ",",
            ]
        ),
        max_size=14,
    )
)
@settings(max_examples=300, deadline=None)
def test_words_in_any_order(words: list[str]) -> None:
    for one in read(" ".join(words)).windows:
        assert 0 < one.end - one.start <= 31 * 86400


def test_long_texts_take_bounded_time() -> None:
    begun, names = time.process_time(), set()
    for piece in ("5月3日23:00至", "1-", "3 May to ", "(", "on at from ", "12:"):
        text = piece * (200_000 // len(piece))
        try:
            read(text)
        except FormatError as error:
            names.add(error.name)
        read((piece * 500)[:3990])
    assert time.process_time() - begun < 15
    assert names <= {"too_large"}
    with pytest.raises(FormatError):
        read("x" * 300_000)


# iCalendar

HEAD = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//\n"


def event(**fields: str) -> str:
    body = {"UID": "a@x", "DTSTAMP": "20260401T000000Z", "SUMMARY": "工商银行 POS", "DTSTART": "20260503T230000Z", **fields}
    lines = [f"{key.replace('_', '-')}{'' if value.startswith(';') else ':'}{value}" for key, value in body.items()]
    return "BEGIN:VEVENT\n" + "\n".join(lines) + "\nEND:VEVENT\n"


def calendar(*events: str, head: str = HEAD) -> Notice:
    data = (head + "".join(events) + "END:VCALENDAR\n").replace("\n", "\r\n").encode()
    return calendar_file.read(data, "Asia/Shanghai", NAMES)


def test_calendar_zones_and_lengths() -> None:
    found = calendar(
        event(DTSTART=";TZID=China Standard Time:20260503T230000", DTEND=";TZID=China Standard Time:20260504T060000"),
        event(UID="b@x", DTSTART="20260505T230000", DURATION="PT2H", SUMMARY="no zone"),
        event(UID="c@x", DTSTART=";VALUE=DATE:20260510", SUMMARY="小额支付系统停运"),
    )
    assert spans(found) == [
        "2026-05-03 23:00 2026-05-04 06:00",
        "2026-05-05 23:00 2026-05-06 01:00",
        "2026-05-10 00:00 2026-05-11 00:00",
    ]
    assert [one.bank for one in found.windows] == ["ICBC", "", ""]
    assert found.windows[1].flags == ("zone_assumed",)
    assert found.windows[2].flags == ("whole_days", "zone_assumed")
    assert found.warnings == ("times without a zone were read as Asia/Shanghai",)


def test_calendar_repetitions() -> None:
    found = calendar(
        event(
            DTSTART=";TZID=America/New_York:20260527T043000",
            DURATION="PT1H",
            RRULE="FREQ=MONTHLY;BYDAY=-1WE;COUNT=4",
            EXDATE=";TZID=America/New_York:20260624T043000",
        ),
        event(
            RECURRENCE_ID=";TZID=America/New_York:20260729T043000",
            DTSTART=";TZID=America/New_York:20260730T043000",
            DURATION="PT1H",
        ),
    )
    assert sorted(f"{at(one.start, 'America/New_York'):%m-%d %H:%M}" for one in found.windows) == [
        "05-27 04:30",
        "07-30 04:30",
        "08-26 04:30",
    ]


def test_the_highest_sequence_holds() -> None:
    old = event(DURATION="PT1H", SEQUENCE="1")
    new = event(DTSTART="20260504T230000Z", DURATION="PT1H", SEQUENCE="2")
    for order in ((old, new), (new, old)):
        assert [f"{at(one.start, 'UTC'):%d}" for one in calendar(*order).windows] == ["04"]
    doubt = calendar(old, event(DTSTART="20260504T230000Z", DURATION="PT1H", SEQUENCE="1"))
    assert "same SEQUENCE" in doubt.warnings[0]
    assert calendar(event(DURATION="PT1H", STATUS="CANCELLED")).windows[0].cancelled
    assert calendar(event(DURATION="PT1H"), head=HEAD + "METHOD:CANCEL\n").windows[0].cancelled


def test_broken_events_are_problems() -> None:
    found = calendar(
        event(DTEND="20260502T000000Z"), event(UID="b", DTSTART="2026050T0"), event(UID="c", DURATION="PT1H", RRULE="FREQ=NEVER")
    )
    assert found.windows == ()
    assert len(found.problems) == 3


def test_calendars_are_read_or_refused() -> None:
    good = (HEAD + event(DURATION="PT2H", RRULE="FREQ=DAILY;COUNT=3") + "END:VCALENDAR\n").replace("\n", "\r\n").encode()
    rng = random.Random(4)
    samples = [good[:cut] for cut in range(0, len(good), 3)]
    for _ in range(300):
        place = rng.randrange(len(good))
        samples.append(good[:place] + bytes([good[place] ^ 1 << rng.randrange(8)]) + good[place + 1 :])
    names = set()
    for data in (*samples, b"", b"hello", b"\xff" * 99, b"BEGIN:VCALENDAR\r\n" * 400):
        try:
            calendar_file.read(data, "UTC", {})
        except (FormatError, ToolError) as error:
            names.add(error.name)
    assert names <= {"damaged_file", "too_large"}


def test_endless_rules_end() -> None:
    begun = time.process_time()
    with pytest.raises(FormatError, match="more than 1000"):
        calendar(event(DURATION="PT1H", RRULE="FREQ=SECONDLY"))
    assert len(calendar(event(DURATION="PT1H", RRULE="FREQ=DAILY")).windows) == 732
    assert time.process_time() - begun < 10


# Lists, doubles, changes


def test_lists(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text(
        "bank,start,end,services,effect\nICBC,2026-05-03T23:00,2026-05-04T06:00,card+clearing,slow\n,2026-05-05T00:00Z,2026-05-05T06:00Z\n"
    )
    found = notices.read(path, "windows-csv", ISSUED, "Asia/Shanghai", {})
    assert [(one.bank, one.services, one.effect) for one in found.windows] == [
        ("ICBC", ("card", "clearing"), "slow"),
        ("", (), "stopped"),
    ]
    for bad in (
        "x",
        "bank,start,end\nA,1,2",
        "bank,start,end\nA,2026-05-03T23:00,2026-05-03T22:00",
        "bank,start,end,services\nA,2026-05-03,2026-05-04,tea",
    ):
        path.write_text(bad)
        with pytest.raises(FormatError):
            notices.read(path, "windows-csv", ISSUED, "UTC", {})


def test_each_window_once() -> None:
    (one,) = read("5月3日23:00至次日06:00").windows
    again = Window(one.bank, one.start, one.end)
    assert without_doubles([again, one, again]) == (one,)
    assert without_doubles([one, again]) == (one,)


def test_changes_between_editions() -> None:
    before = read("ICBC 5月3日23:00至次日06:00。5月20日0:00至6:00。").windows
    after = read("ICBC 5月3日23:30至次日06:00。6月20日0:00至6:00。").windows
    found = {one.kind: one for one in changes(before, after)}
    assert {kind: (one.before, one.after) for kind, one in found.items()} == {
        "moved": (before[0], after[0]),
        "added": (None, after[1]),
        "withdrawn": (before[1], None),
    }
    assert "->" in str(found["moved"])
    assert list(changes(before, before)) == []


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 900)), max_size=30), st.integers(-10, 6000), st.integers(1, 200))
def test_the_index_finds_what_a_scan_finds(spans: list[tuple[int, int]], first: int, length: int) -> None:
    windows = [Window("A", start, start + size) for start, size in spans]
    touching = [one for one in windows if one.start < first + length and one.end > first]
    found = Index(windows, "A").between(first, first + length)
    assert (found is None) == (not touching)
    assert found is None or found in touching
    assert Index(windows, "B").between(first, first + length) is None
