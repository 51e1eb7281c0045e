"""Spare parts: forecasts against hand-computed days, and against what a terminal does over a year of visits."""

import datetime
import json
import pathlib

import pytest

from fwtool.causes import load, rank
from fwtool.causes.parts import PARTS
from fwtool.checks import CHECKS
from fwtool.findings import Snapshot, Words
from fwtool.parts import Need, Point, forecast, past, plan, used
from fwtool.parts.forecast import slope
from fwtool.parts.history import NAMES, wear_of
from fwtool.parts.lives import LIVES
from fwtool.parts.model import Basis, Way
from fwtool.parts.planning import needed_now, paper
from fwtool.quantities import QUANTITIES
from fwtool.records import Records, new_job_id
from tests.conftest import Fwtool
from transports.terminal_records import Facts

DAY0 = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def snapshot(hours: int = 0, **readings: float) -> Snapshot:
    told = {name.replace("__", "."): value for name, value in readings.items()}
    return Snapshot(Facts("VT-100", "S1", "1"), told, {"HoursPoweredCount": hours} if hours else {}, None, None, {})


def points(name: str, *pairs: tuple[float, float]) -> list[Point]:
    return [Point(DAY0 + datetime.timedelta(days=day), {name: value}) for day, value in pairs]


def of(needs: list[Need], name: str) -> Need:
    return next(need for need in needs if need.id == name)


def test_a_straight_line_reaches_its_limit_when_it_should() -> None:
    """10 m a day, 20,000 m done: 1000 days to 30,000 m."""
    history = points("printer.head_distance", *((day, 19_000 + 10 * day) for day in (0, 25, 50, 100)))
    need = of(forecast(snapshot(printer__head_distance=20_000), history), "head")
    assert need.basis is Basis.RECORDS
    assert need.days == pytest.approx(1000)
    assert need.part == "printer"
    assert "4" in need.reason.en


def test_a_cell_that_falls_is_seen_before_it_is_empty() -> None:
    """3.05 V to 2.9 V in 300 days: 0.5 mV a day, 600 days to 2.6 V. Noise of some millivolts does not hide it."""
    noise = (0.002, -0.003, 0.001, 0.0)
    history = points(
        "backup_cell.voltage", *((day, 3.05 - 0.0005 * day + wrong) for day, wrong in zip((0, 100, 200, 300), noise, strict=True))
    )
    need = of(forecast(snapshot(backup_cell__voltage=2.9), history), "backup_cell")
    assert need.part == "terminal"
    assert 560 < need.days < 640


def test_a_cell_that_only_shakes_gives_no_forecast() -> None:
    history = points(
        "backup_cell.voltage", *((day, 3.05 + wrong) for day, wrong in ((0, 0.0), (30, 0.004), (60, -0.001), (90, 0.0)))
    )
    assert all(need.id != "backup_cell" for need in forecast(snapshot(backup_cell__voltage=3.05), history))


def test_a_new_part_starts_a_new_history() -> None:
    history = points("battery.cycles", (0, 700), (50, 790), (60, 5), (80, 25), (100, 45))
    need = of(forecast(snapshot(battery__cycles=45, battery__age=40), history), "battery_cycles")
    assert need.days == pytest.approx(755)  # one a day
    cell = points("backup_cell.voltage", (0, 2.7), (10, 3.05), (40, 3.02), (70, 2.99))
    found = slope(next(life for life in LIVES if life.id == "backup_cell"), cell)
    assert found is not None
    assert found.points == 3
    assert found.per_day == pytest.approx(-0.001)


@pytest.mark.parametrize("pairs", [[(0, 1.0), (100, 2.0)], [(0, 1.0), (5, 2.0), (13, 3.0)], []])
def test_too_little_is_no_trend(pairs: list[tuple[float, float]]) -> None:
    life = next(life for life in LIVES if life.id == "head")
    assert slope(life, points(life.quantity, *pairs)) is None


def test_without_history_it_is_the_average_of_its_life() -> None:
    needs = forecast(snapshot(2400, printer__head_distance=3000, battery__cycles=400, battery__age=400), [])
    assert of(needs, "head").days == pytest.approx(900)  # 100 days of power, 30 m each
    assert of(needs, "battery_cycles").days == pytest.approx(400)
    assert of(needs, "battery_age").days == pytest.approx(330)
    assert {need.basis for need in needs} == {Basis.LIFE}


def test_what_has_reached_its_limit_is_due_now() -> None:
    for life in LIVES:
        name = life.quantity
        value = life.limit
        readings = {"msr.failed_1": value, "msr.failed_2": 0.0, "msr.failed_3": 0.0} if name.startswith("msr.") else {name: value}
        need = of(forecast(Snapshot(Facts("V", "S", "1"), readings, {}, None, None, {}), []), life.id)
        assert need.days == 0


def test_dates_count_down() -> None:
    need = of(forecast(snapshot(certificate__days_left=120), []), "certificate")
    assert (need.days, need.basis, need.part) == (90, Basis.DATE, "")


def test_paper_until_the_next_visit() -> None:
    now = Point(DAY0, {"printer.head_distance": 2000.0, "statistics.HoursPoweredCount": 2400.0})
    need = paper(now, [], 90, 18.0)
    assert need is not None
    assert need.count == 100  # 20 m a day
    trend = points("printer.head_distance", (0, 1000), (20, 1010), (40, 1020))
    counted = paper(now, trend, 90, 18.0)
    assert counted is not None
    assert (counted.count, counted.basis) == (3, Basis.RECORDS)  # 45 m
    assert paper(Point(DAY0, {}), [], 90, 18.0) is None


def test_each_need_goes_to_the_last_visit_before_it_is_due() -> None:
    def need(name: str, part: str, days: float) -> Need:
        return Need(name, part, 1, days, Basis.LIFE, Words("a", "b"))

    needs = [
        need("a", "printer", 89.9),
        need("b", "battery", 90),
        need("c", "cable", 269),
        need("d", "SIM", 270),
        need("e", "", 10),
    ]
    found = plan(needs, DAY0.date(), 90, 3)
    assert [[one.id for one in slot] for _, slot in found.visits] == [["e", "a"], ["b"], ["c"]]
    assert [one.id for one in found.later] == ["d"]
    assert [day.isoformat() for day, _ in found.visits] == ["2026-01-01", "2026-04-01", "2026-06-30"]


def test_of_one_part_only_the_first_need_counts_and_paper_is_its_own() -> None:
    both = [Need(name, "battery", 1, days, Basis.LIFE, Words("", "")) for name, days in (("x", 50), ("y", 10))]
    rolls = [Need(name, "paper", 1, 0, Basis.LIFE, Words("", "")) for name in ("paper", "printer.paper_low")]
    found = plan([*both, *rolls], DAY0.date(), 90, 1)
    assert sorted(need.id for need in found.visits[0][1]) == ["paper", "printer.paper_low", "y"]


def test_causes_of_the_health_check_are_needed_now() -> None:
    seen = snapshot(battery__age=900, printer__dead_dots=3)
    ranking = rank(load(), [check.run(seen) for check in CHECKS], seen)
    assert {need.part for need in needed_now(ranking)} == {"battery", "printer"}


def test_every_life_is_of_a_known_part_and_quantity() -> None:
    assert len({life.id for life in LIVES}) == len(LIVES)
    for life in LIVES:
        assert life.part in ("", *PARTS)
        assert life.quantity in QUANTITIES
        assert not life.age or life.age in QUANTITIES
        assert life.what.en
        assert life.what.zh
        assert life.source
    assert {life.way for life in LIVES} == set(Way)


def test_limits_are_those_of_the_checks() -> None:
    """A part is planned for the day on which its check begins to warn."""
    checks = {"head": "printer.head_km", "battery_cycles": "battery.cycles", "battery_age": "battery.age",
              "backup_cell": "backup_cell.voltage", "head_cleaning": "printer.since_cleaning", "chip_cleaning": "chip.torn",
              "slot_cleaning": "card_slot.light", "certificate": "certificate.days_left",
              "firmware_approval": "firmware_approval.days_left"}  # fmt: skip
    for life in LIVES:
        quantity = checks.get(life.id)
        if quantity is None:
            continue
        check = next(one for one in CHECKS if getattr(one.value, "name", "") == quantity)
        limit = check.warn_high if life.way is Way.UP else check.warn_low
        assert limit is not None
        assert limit * (1000 if life.id == "head" else 1) == life.limit


def test_history_is_read_from_the_records_and_nonsense_is_passed_over(tmp_path: pathlib.Path) -> None:
    records = Records(tmp_path)
    for body in (
        {"serial_number": "S1", "wear": {"battery.cycles": 1, "x": "y", "z": True}},
        {"serial_number": "S2", "wear": {"battery.cycles": 2}},
        {"serial_number": "S1", "wear": 7},
        {"serial_number": "S1", "used_parts": {"battery": 2, "cable": "no"}},
        {"serial_number": "S1", "used_parts": {"battery": 1}},
    ):
        records.append(new_job_id(), "finished", {"act": "parts", **body})
    with records.contents() as contents:
        assert [point.wear for point in past(contents.rows(), "S1")] == [{"battery.cycles": 1.0}]
        assert used(contents.rows(), "S1") == {"battery": 3}


def test_all_that_is_noted_can_be_noted() -> None:
    seen = snapshot(10, **{name.replace(".", "__"): 5.0 for name in NAMES})
    assert wear_of(seen)["statistics.HoursPoweredCount"] == 10
    assert set(NAMES) <= QUANTITIES.keys()


def test_at_the_command_line(run: Fwtool, tmp_path: pathlib.Path) -> None:
    (tmp_path / "bad.toml").write_text('[[fault]]\nkind = "battery_old"\n[[fault]]\nkind = "head_worn"\nvalue = 29900\n')
    port = "sim:?scenario=bad.toml"
    first = run("parts", "--port", port, "--dev", "--json", "--used", "paper=2", "--technician", "Li")
    assert first.code == 0
    data = first.result["data"]
    now = {need["part"] for need in data["visits"][0]["needs"]}
    assert {"battery", "printer", "paper"} <= now
    assert data["used"] == {"paper": 2}
    second = run("parts", "--port", port, "--dev", "--json", "--visits", "1").result["data"]
    assert second["measurements"] == 2
    assert [visit["date"] for visit in second["visits"]] == [data["visits"][0]["date"]]
    assert {need["id"] for need in second["later"]} == {"certificate", "firmware_approval"}
    entry = run("log", "show", "--json").result["data"]["entries"][1]
    assert entry["act"] == "parts"
    assert json.dumps(entry["wear"])
    text = run("parts", "--port", port, "--dev", "--lang", "zh").out
    assert "电池" in text
    assert "本次" in text


@pytest.mark.parametrize("part", ["wheel", "battery=0", "battery=x", "battery=-1"])
def test_a_part_that_does_not_exist_is_a_mistake(part: str, run: Fwtool) -> None:
    assert run("parts", "--port", "sim:", "--dev", "--used", part).code == 2


def test_a_device_without_a_health_check_has_no_plan_and_says_so(run: Fwtool) -> None:
    done = run("parts", "--port", "sim-zvt:", "--json")
    assert done.code == 0
    assert done.result["data"]["wear_told"] is False
    assert "磨损" in run("parts", "--port", "sim-zvt:", "--lang", "zh").out
    assert all(need["id"] != "head" for visit in done.result["data"]["visits"] for need in visit["needs"])
