"""Working days and value dates: against another library, the facts' examples, and by property."""

import datetime
import sys
from typing import Any

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import ToolError
from fwtool.settlement.terms import Settings, Terms, read_settings
from fwtool.settlement.value_date import ValueDates, accounting_day, moment_on
from fwtool.settlement.windows import Window, window
from fwtool.settlement.working_days import DAY, Calendars

DATE = datetime.date.fromisoformat
KNOWN = st.dates(DATE("2007-01-10"), DATE("2026-11-30"))


def dates(windows: tuple[Window, ...] = (), **terms: Any) -> ValueDates:
    return ValueDates(Terms("X", **terms), Calendars(), windows)


def test_every_day_of_twenty_years_against_chinesecalendar() -> None:
    calendars, day = Calendars(), DATE("2007-01-01")
    different = []
    while day < DATE("2027-01-01"):
        found = calendars.day("CN", day)
        assert found is not None
        if found.working != chinese_calendar.is_workday(day):
            different.append(day)
        day += DAY
    assert different == []


@pytest.mark.parametrize(
    ("day", "make_up", "expected"),
    [
        ("2018-04-04", True, "2018-04-08"),
        ("2026-02-13", True, "2026-02-14"),
        ("2026-02-13", False, "2026-02-24"),
        ("2026-09-30", True, "2026-10-08"),
        ("2026-11-21", True, "2026-11-23"),
        ("2026-11-24", True, "2026-11-25"),
    ],
)
def test_t_plus_1_of_the_facts(day: str, make_up: bool, expected: str) -> None:
    assert dates(make_up_days=make_up).of(DATE(day)).day == DATE(expected)


def test_reasons_are_named() -> None:
    assert dates().of(DATE("2026-11-21")).reasons == ("weekend",)
    assert dates().of(DATE("2026-11-24")).reasons == ()
    assert "National Day" in dates().of(DATE("2026-09-30")).reasons
    assert dates(make_up_days=False).of(DATE("2026-02-13")).reasons[0] == "weekend"


def test_where_the_calendar_ends_nothing_is_guessed() -> None:
    assert dates().of(DATE("2026-12-31")).day is None
    assert Calendars().ends("CN", DATE("2028-03-01")) == DATE("2026-12-31")
    assert dates(working=False).of(DATE("2026-12-31")).day == DATE("2027-01-01")


def test_days_of_the_settings_extend_the_calendar() -> None:
    own = read_settings("[calendar.CN]\nfirst = 2027-01-01\nlast = 2027-12-31\nholidays = [2027-01-01]\nworkdays = [2027-01-02]")
    calendars = Calendars(own.calendars)
    assert calendars.add("CN", DATE("2026-12-31"), 1) == DATE("2027-01-02")
    assert calendars.add("CN", DATE("2026-12-31"), 1, make_up=False) == DATE("2027-01-04")


def test_payment_systems_have_calendars() -> None:
    calendars = Calendars()
    assert calendars.add("TARGET", DATE("2026-04-02"), 1) == DATE("2026-04-07"), "Good Friday to Easter Monday"
    assert calendars.add("FED", DATE("2026-11-25"), 1) == DATE("2026-11-27"), "Thanksgiving"
    with pytest.raises(ToolError, match="no calendar"):
        calendars.day("XX", DATE("2026-01-01"))


def test_without_the_library_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ToolError) as error:
        Calendars().day("HU", DATE("2026-01-01"))
    assert error.value.name == "missing_component"


@given(KNOWN, st.integers(0, 5), st.booleans())
def test_money_comes_on_working_days_and_not_before(day: datetime.date, days: int, make_up: bool) -> None:
    calendars = Calendars()
    found = calendars.add("CN", day, days, make_up=make_up)
    if found is None:
        assert day > DATE("2026-11-01")
        return
    status = calendars.day("CN", found)
    assert status is not None
    assert status.working
    assert make_up or not status.make_up
    between = [calendars.day("CN", day + DAY * step) for step in range(1, (found - day).days)]
    works = [one for one in between if one and one.working and (make_up or not one.make_up)]
    assert len(works) == max(0, days - 1)


@given(KNOWN, KNOWN)
def test_earlier_sales_are_not_paid_later(one: datetime.date, other: datetime.date) -> None:
    rule = dates()
    first, last = sorted((one, other))
    early, late = rule.of(first).day, rule.of(last).day
    assert early is None or late is None or early <= late


@given(
    st.datetimes(*map(datetime.datetime.fromisoformat, ("2020-01-01", "2026-12-30")), timezones=st.just(datetime.UTC)),
    st.integers(0, 24 * 60),
)
def test_the_cut_over_cuts_once_a_day(moment: datetime.datetime, minutes: int) -> None:
    terms = Terms("X", zone="Europe/Berlin", cutover=datetime.timedelta(minutes=minutes))
    day = accounting_day(moment, terms)
    assert accounting_day(moment + datetime.timedelta(minutes=1), terms) >= day
    assert accounting_day(moment_on(day, terms.cutover, terms.zone) - datetime.timedelta(seconds=1), terms) in (day, day - DAY)


def test_accounting_days_of_the_facts() -> None:
    china = Terms("X", cutover=datetime.timedelta(hours=23))
    at = datetime.datetime.fromisoformat
    assert accounting_day(at("2026-11-21T22:58:00+08:00"), china) == DATE("2026-11-21")
    assert accounting_day(at("2026-11-21T23:00:00+08:00"), china) == DATE("2026-11-22")
    assert accounting_day(at("2026-11-21T15:30:00+00:00"), china) == DATE("2026-11-22"), "the bank's clock counts"
    assert accounting_day(at("2026-11-21T23:58:00+08:00"), Terms("X")) == DATE("2026-11-21")


def test_a_window_over_the_hours_of_payment_moves_it() -> None:
    """September 2013: the clearing systems stood still from the 30th to 8 October."""
    at = datetime.datetime.fromisoformat
    stop = window("", at("2026-11-24T16:00:00+08:00"), at("2026-11-26T08:30:00+08:00"), services=("clearing",))
    found = dates((stop,)).of(DATE("2026-11-24"))
    assert (found.day, found.reasons) == (DATE("2026-11-26"), ("window",))
    for other in (("online",), ("card",)):
        same = window("", at("2026-11-24T16:00:00+08:00"), at("2026-11-26T08:30:00+08:00"), services=other)
        assert dates((same,)).of(DATE("2026-11-24")).day == DATE("2026-11-25")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[bank.A]\ncut = '23:00'", "unknown key 'cut'"),
        ("[bank.A]\ncutover = '25:00'", "no time of day"),
        ("[bank.A]\nsettles = 'X+1'", "expected T"),
        ("[bank.A]\nzone = 'Mars/Base'", "no time zone"),
        ("[bank.A]\nfee = { rate = '6' }", "0 to 1"),
        ("[bank.A]\nfee = { rate = 0.006 }", "wrong type"),
        ("[bank.A]\nfee = { rate = '1e-3' }", "rate"),
        ("[bank.A]\nnames = ['B']\n[bank.B]", "two banks"),
        ("[bank.A]\npaid = ['18:00', '10:00']", "begins"),
        ("[calendar.CN]\nholidays = []", "first and last"),
        ("[calendar.CN]\nfirst = 2027-01-01\nlast = 2027-12-31\nholidays = ['x']", "expected dates"),
        ("[banks]", "unknown key"),
        ("[bank", "not TOML"),
        ("[bank.A]\ndoubtful_days = 1000", "0 to 90"),
    ],
)
def test_settings_are_linted(text: str, says: str) -> None:
    with pytest.raises(ToolError, match=says) as error:
        read_settings(text)
    assert error.value.exit_code == 2


def test_terms_without_settings() -> None:
    assert Settings({}, {}, {}).terms("ANY") == Terms("ANY")
