"""The choice of the frame size, and acknowledgements with more gaps than fit: what makes a bad line usable."""

import math
import random

import pytest

from transports.tsp.estimates import FrameSize, RoundTrip
from transports.tsp.frames import MIN_PAYLOAD, OVERHEAD
from transports.tsp.streams import MAX_ACK, Ack, Receiver, Sender


def goodput(bad_bytes: float, size: int, seed: int) -> float:
    """Share of the line that carries payload, by the rule alone: frames are lost by chance, fates known at once."""
    rule, chance = FrameSize(16384), random.Random(seed)
    good = position = 0
    while good < size:
        payload = rule.best
        whole = payload + OVERHEAD
        if chance.random() < math.exp(-bad_bytes * whole):
            good += payload
            rule.arrived()
        else:
            rule.lost(position, payload)
        position += whole
        rule.judged(position)
    return good / position


@pytest.mark.parametrize("bit_error_rate", [1e-6, 1e-5, 1e-4])
def test_f13_the_rule_comes_close_to_the_best_fixed_size(bit_error_rate: float) -> None:
    """Best: the optimum of L / (L + H) * exp(-p (L + H)) for 16 bytes of overhead."""
    p = 8 * bit_error_rate
    best = max(n / (n + OVERHEAD) * math.exp(-p * (n + OVERHEAD)) for n in range(MIN_PAYLOAD, 16384))
    found = sum(goodput(p, 1 << 20, seed) for seed in range(1, 8)) / 7
    assert found > best - 0.01, f"{found:.4f} of {best:.4f}, seeds 1 to 7"


def test_a_line_that_turns_bad_is_noticed_within_a_few_frames() -> None:
    rule = FrameSize(16384)
    rule.judged(8 << 20)
    assert rule.best == 16384
    position = 8 << 20
    for _ in range(12):
        rule.lost(position, rule.best)
        position += rule.best + OVERHEAD
        rule.judged(position)
    assert rule.best == MIN_PAYLOAD


def test_a_line_that_turns_good_again_gets_its_frames_back() -> None:
    rule = FrameSize(16384)
    for position in range(0, 40_000, 1000):
        rule.lost(position, 1000)
        rule.judged(position)
        rule.arrived()
    small = rule.best
    for position in range(40_000, 4 << 20, 4096):
        rule.arrived()
        rule.judged(position)
    assert rule.best > 5 * small


def test_frames_are_never_below_the_smallest_nor_above_the_largest() -> None:
    assert FrameSize(1).best == MIN_PAYLOAD
    clean = FrameSize(60_000, clean=True)
    assert clean.best == 60_000


def test_the_shortest_round_trip_is_remembered() -> None:
    trip = RoundTrip()
    for sample in (0.4, 0.016, 0.2):
        trip.measure(sample)
    assert trip.least_s == 0.016
    assert trip.patience_s > 0.016


@pytest.mark.parametrize("seed", range(4))
def test_any_number_of_gaps_is_told_in_the_end(seed: int) -> None:
    """Far more islands than one acknowledgement holds: their sum is what is there, and nothing there is sent again."""
    chance = random.Random(seed)
    sender, receiver = Sender(1 << 20), Receiver(1 << 20)
    sender.push(bytes(100_000))
    sent, arrived = set(), set()
    while (taken := sender.take(100, 0.0)) is not None:
        sent.add(taken[1])
        if chance.random() < 0.5:
            arrived.add(taken[1])
            receiver.take(*taken)
    for _ in range(200):
        raw = receiver.ack().build()
        assert len(raw) <= MAX_ACK
        parsed = Ack.parse(raw)
        assert parsed is not None
        sender.acknowledge(parsed[0], 0.1)
    last = max(arrived)
    again = set()
    while (taken := sender.take(100, 0.2)) is not None:
        again |= set(range(taken[1], taken[1] + len(taken[2]), 100))
    assert again == {offset for offset in sent - arrived if offset < last}


def test_crumbs_of_lost_ranges_are_joined() -> None:
    """Two neighbours that got lost go again as one frame when the frames have grown, and no frame of ten bytes is made."""
    sender, receiver = Sender(1 << 20), Receiver(1 << 20)
    sender.push(bytes(1000))
    for number in range(10):
        taken = sender.take(100, 0.0)
        assert taken is not None
        if number not in (3, 4):
            receiver.take(*taken)
    sender.acknowledge(receiver.ack(), 0.1)
    taken = sender.take(190, 0.2)
    assert taken is not None
    assert (taken[1], len(taken[2])) == (300, 200)


@pytest.mark.parametrize(
    "raw",
    [
        bytes(10),
        bytes([0] * 10 + [1]),
        bytes([0] * 10 + [1, 0, 5]),
        bytes([0] * 10 + [1, 5, 0]),
        bytes([0] * 10 + [1, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
        bytes([0] * 6 + [9, 0, 0, 0] + [1, 5, 5]),
        bytes([0] * 2 + [9, 0, 0, 0] + [8, 0, 0, 0] + [0]),
    ],
)
def test_a35_a_senseless_acknowledgement_is_none(raw: bytes) -> None:
    assert Ack.parse(raw) is None


def test_a35_an_acknowledgement_of_what_was_never_sent_is_ignored() -> None:
    sender = Sender(1 << 20)
    sender.push(bytes(1000))
    assert sender.take(1000, 0.0) is not None
    for n in range(500):
        ranges = tuple((2000 + 20 * n + 4 * k, 2002 + 20 * n + 4 * k) for k in range(4))
        assert sender.acknowledge(Ack(1, 0, 1 << 20, ranges), 0.1) is None
    assert sender.in_flight == 1000
    assert sender._islands == []
