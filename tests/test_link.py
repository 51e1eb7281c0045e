"""The engine alone: two of them joined by lists of bytes, time moved by hand."""

import random

import pytest

from transports.tsp import frames
from transports.tsp.frames import Decoder, Kind
from transports.tsp.hello import Hello
from transports.tsp.link import Link, Lost, Opened, Received, Role
from transports.tsp.streams import Ack, Receiver, Sender, unwrap


def hello(max_frame: int = 256, window: int = 4096) -> Hello:
    return Hello(
        version_min=1, version_max=1, max_frame=max_frame, features=1, max_block=4096, max_manifest=4096, window=window,
        nonce=bytes(16), peer_nonce=bytes(16), public_key=b"",
    )  # fmt: skip


class Pair:
    """A host and a device with a line between them that drops what `drop` says."""

    def __init__(self, **options: int) -> None:
        self.random = random.Random(1)
        self.now = 0.0
        self.host = Link(Role.HOST, hello(**options), self.random.randbytes)
        self.device = Link(Role.DEVICE, hello(**options), self.random.randbytes)
        self.got: dict[Role, bytes] = {Role.HOST: b"", Role.DEVICE: b""}
        self.events: list[object] = []
        self.drop = lambda data: data

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            for one, other in ((self.host, self.device), (self.device, self.host)):
                deadline = one.next_deadline()
                if deadline is not None and self.now >= deadline:
                    one.handle_deadline(self.now)
                data = one.data_to_send(self.now)
                if data and (data := self.drop(data)):
                    other.receive_data(data, self.now)
                while (event := other.next_event()) is not None:
                    self.events.append(event)
                    if isinstance(event, Received):
                        self.got[other.role] += event.data
                        other.consume(len(event.data))
            self.now += 0.005

    def connect(self) -> None:
        self.host.connect(self.now)
        self.run(1.0)
        assert sum(isinstance(event, Opened) for event in self.events) == 2


def test_bytes_arrive_in_both_directions() -> None:
    pair = Pair()
    pair.connect()
    there, back = random.Random(2).randbytes(50_000), random.Random(3).randbytes(20_000)
    pair.host.send(there)
    pair.device.send(back)
    pair.run(5)
    assert pair.got == {Role.DEVICE: there, Role.HOST: back}


@pytest.mark.parametrize("seed", range(8))
def test_a33_whatever_the_line_does_the_stream_stays_right(seed: int) -> None:
    """Frames dropped, doubled, swapped and damaged at random."""
    pair = Pair()
    pair.connect()
    chaos = random.Random(seed)

    def disturb(data: bytes) -> bytes:
        lot = chaos.random()
        if lot < 0.1:
            return b""
        if lot < 0.2:
            return data + data
        if lot < 0.3:
            at = chaos.randrange(len(data))
            return data[:at] + bytes([data[at] ^ 1 << chaos.randrange(8)]) + data[at + 1 :]
        if lot < 0.35:
            return data[: chaos.randrange(len(data))]
        return data

    pair.drop = disturb
    there = random.Random(9).randbytes(8_000)
    pair.host.send(there)
    pair.run(120)
    assert pair.got[Role.DEVICE] == there, f"seed {seed}"


def test_credit_stops_the_sender() -> None:
    pair = Pair(window=2048)
    pair.connect()
    pair.device.consume = lambda count: None  # type: ignore[method-assign]
    pair.host.send(bytes(10_000))
    pair.run(3)
    assert len(pair.got[Role.DEVICE]) == 2048


def test_silence_ends_the_session_within_its_bound() -> None:
    pair = Pair()
    pair.connect()
    pair.drop = lambda data: b""
    pair.host.send(b"question")
    start = pair.now
    while not any(isinstance(event, Lost) for event in pair.events) and pair.now < start + 60:
        pair.run(0.1)
        while (event := pair.host.next_event()) is not None:
            pair.events.append(event)
    assert pair.now - start < 12


def test_a_forgotten_session_is_refused_at_once() -> None:
    pair = Pair()
    pair.connect()
    pair.device.forget()
    pair.host.send(b"are you there")
    pair.run(0.1)
    assert any(isinstance(event, Lost) and "restarted" in event.reason for event in pair.events)


def test_a_frame_of_another_session_does_not_fit() -> None:
    decoder = Decoder(256)
    decoder.seed = 1
    assert list(decoder.feed(frames.encode(Kind.DATA, 1, 0, b"abc", seed=2))) == []
    assert decoder.bad_frames == 1


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_frames_survive_any_splitting_and_garbage(size: int) -> None:
    chaos = random.Random(size)
    payloads = [chaos.randbytes(chaos.randrange(200)) for _ in range(40)]
    stream = b"".join(
        chaos.randbytes(chaos.randrange(30)).replace(b"\xa5", b"") + frames.encode(Kind.DATA, n, 0, payload, 5)
        for n, payload in enumerate(payloads)
    )
    decoder = Decoder(256)
    decoder.seed = 5
    found = [f.payload for at in range(0, len(stream), size) for f in decoder.feed(stream[at : at + size])]
    assert found == payloads


def test_a35_a_length_is_not_believed() -> None:
    """A header whose length was damaged, or lies beyond the bound, does not make the parser wait."""
    good = frames.encode(Kind.DATA, 2, 0, b"good", 0)
    for bit in range(16):
        bad = bytearray(frames.encode(Kind.DATA, 1, 0, b"bad", 0))
        bad[4 + bit // 8] ^= 1 << bit % 8
        decoder = Decoder(256)
        assert [f.payload for f in decoder.feed(bytes(bad) + good)] == [b"good"]
    decoder = Decoder(256)
    assert [f.payload for f in decoder.feed(frames.encode(Kind.DATA, 1, 0, bytes(300), 0) + good)] == [b"good"]


def test_acknowledgements_are_built_and_read_alike() -> None:
    ack = Ack(70_000 & 0xFFFF, 1000, 5000, ((1200, 1300), (1400, 1500)))
    assert Ack.parse(ack.build()) == (ack, b"")
    assert Ack.parse(ack.build() + b"data") == (ack, b"data")
    for size in range(len(ack.build())):
        assert Ack.parse(ack.build()[:size]) is None


def test_f11_sequence_numbers_pass_their_edges() -> None:
    for near in (0, 1, 65_534, 65_535, 65_536, 131_071, 1 << 24):
        for step in range(-3 if near >= 3 else 0, 4):
            assert unwrap((near + step) & 0xFFFF, near) == near + step


def test_selective_repeat_sends_only_what_is_missing() -> None:
    sender, receiver = Sender(1 << 16), Receiver(1 << 16)
    sender.push(bytes(10_000))
    for number in range(10):
        taken = sender.take(1000, 0.0)
        assert taken is not None
        if number not in (3, 6):
            receiver.take(taken[0], taken[1], taken[2])
    sender.acknowledge(receiver.ack(), 0.1)
    again = []
    while (taken := sender.take(1000, 0.2)) is not None:
        again.append(taken[1])
    assert again == [3000, 6000]


def test_another_protocol_version_gets_a_clear_answer() -> None:
    pair = Pair()
    later = {**hello().to_container(), "version_min": 2, "version_max": 3}
    pair.device = Link(Role.DEVICE, Hello(**later), pair.random.randbytes)
    pair.host.connect(0.0)
    pair.run(1.0)
    assert any(isinstance(event, Lost) and "versions 2 to 3" in event.reason for event in pair.events)
    assert pair.device.peer is None or pair.host.peer is None


def test_the_tail_is_repeated_although_the_other_side_keeps_talking() -> None:
    """What comes in must not put off the timer for what went out and got lost."""
    pair = Pair()
    pair.connect()
    pair.host.send(b"first")
    pair.run(0.5)
    dropped: list[bytes] = []

    def drop_one(data: bytes) -> bytes:
        if b"the tail" in data and not dropped:
            dropped.append(data)
            return b""
        return data

    pair.drop = drop_one
    pair.host.send(b"the tail")
    for _ in range(100):
        pair.device.send(b"progress")
        pair.run(0.02)
    assert dropped
    assert pair.got[Role.DEVICE] == b"firstthe tail"


def test_a_late_acknowledgement_makes_the_timer_patient() -> None:
    """Answers that take longer than thought are measured although their frames have been repeated: it happens once, not
    with every frame."""
    sender = Sender(1 << 16)
    sender.push(bytes(100))
    taken = sender.take(100, 0.0)
    assert taken is not None
    sender.lose_tail(1)
    assert sender.take(100, 0.5) is not None
    assert sender.acknowledge(Ack(1, 100, 1 << 16), 0.6) == (0.6, 0)
