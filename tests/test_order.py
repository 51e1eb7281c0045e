"""Work orders: what one allows, on which terminals, until when; nobody but the bank can say so, and no bit can be changed."""

import pathlib
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats import trust as trust_format
from formats import work_order
from formats.errors import FormatError, ToolError, TrustError
from formats.trust import Trust
from formats.trust_record import Role
from formats.work_order import DAY_S, MAX_DAYS, MAX_TERMINALS, Act, OrderRecord, WorkOrder
from tests.conftest import Fwtool
from tests.support import KEY, P256_KEY, STRANGER, flips, signatures_of, trust_of

START = 1_780_000_000
DOC = pathlib.Path(__file__).resolve().parent.parent / "docs" / "formats" / "work-order.md"


def order(**changes: object) -> WorkOrder:
    record = {
        "number": "WO-17", "bank": "Example Bank", "not_before": START, "not_after": START + DAY_S,
        "acts": int(Act.SERVICE | Act.UPDATE), "terminals": ("SIM-0001", "SIM-0002"), **changes,
    }  # fmt: skip
    return work_order.build(OrderRecord(**record))  # type: ignore[arg-type]


def signed(*keys: object, **changes: object) -> WorkOrder:
    return work_order.parse(order(**changes).signed(list(keys or (KEY,))))  # type: ignore[arg-type]


def refusal(found: WorkOrder, trust: Trust, serial: str = "SIM-0001", act: Act = Act.UPDATE, now: float = START) -> str:
    with pytest.raises(ToolError) as caught:
        found.check(trust, serial, act, now)
    return f"{caught.value.name}: {caught.value.message}"


# -- what it allows --------------------------------------------------------------------------------------------------------------


def test_an_order_allows_its_acts_on_its_terminals_in_its_time_and_no_others() -> None:
    found, trust = signed(), trust_of(KEY)
    for serial in ("SIM-0001", "SIM-0002"):
        for act in (Act.SERVICE, Act.UPDATE, Act.SERVICE | Act.UPDATE):
            for now in (START, START + DAY_S - 1):
                found.check(trust, serial, act, now)
    assert refusal(found, trust, serial="SIM-0003").startswith("not_authorised: the work order WO-17 is not for")
    assert "does not allow: settle, reset" in refusal(found, trust, act=Act.SETTLE | Act.RESET | Act.UPDATE)
    assert "not valid yet" in refusal(found, trust, now=START - 1)
    assert "no longer valid" in refusal(found, trust, now=START + DAY_S)


def test_only_the_bank_signs_orders_where_there_is_a_bank() -> None:
    roles = {Role.MAKER: (1, [("maker", KEY.public)]), Role.BANK: (1, [("bank", P256_KEY.public)])}
    trust = trust_format.parse(trust_format.compose(roles))
    signed(P256_KEY).check(trust, "SIM-0001", Act.UPDATE, START)
    assert refusal(signed(KEY), trust).startswith("bad_signature")
    assert refusal(signed(STRANGER), trust).startswith("bad_signature")
    assert refusal(order(), trust).startswith("not_signed")


@pytest.mark.parametrize("kind", ["package", "grant", "permit", "trust"])
def test_a14_a_signature_over_another_kind_of_object_makes_no_order(kind: str) -> None:
    bare = order()
    forged = WorkOrder(bare.record, bare.file._replace(signatures=signatures_of(kind, bare.digest, KEY)))
    assert refusal(forged, trust_of(KEY)).startswith("bad_signature")


def test_an_expired_key_signs_nothing() -> None:
    trust = trust_format.parse(
        trust_format.compose({Role.BANK: (1, [("bank", KEY.public)])}, key_expires={KEY.public.key_id: START - 1})
    )
    assert refusal(signed(), trust).startswith("expired")


# -- its form --------------------------------------------------------------------------------------------------------------------


def test_every_flipped_bit_and_every_truncation_is_refused() -> None:
    raw, trust = order().signed([KEY]), trust_of(KEY)
    for bit, damaged in flips(raw):
        with pytest.raises(ToolError) as caught:
            work_order.parse(damaged).check(trust, "SIM-0001", Act.UPDATE, START)
        assert isinstance(caught.value, FormatError | TrustError), bit
    for size in range(len(raw)):
        with pytest.raises(FormatError):
            work_order.parse(raw[:size])
    with pytest.raises(FormatError):
        work_order.parse(raw + b"\0")


@pytest.mark.parametrize(
    "changes",
    [
        {"number": ""}, {"bank": ""}, {"acts": 0}, {"acts": 16}, {"terminals": ()}, {"terminals": ("",)},
        {"terminals": ("B", "A")}, {"terminals": ("A", "A")}, {"not_after": START}, {"not_after": START + MAX_DAYS * DAY_S + 1},
        {"number": "A\u202eB"}, {"terminals": tuple(f"{n:04}" for n in range(MAX_TERMINALS + 1))},
    ],
)  # fmt: skip
def test_an_order_that_contradicts_itself_is_not_made(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        order(**changes)


@given(st.binary(max_size=400))
def test_any_bytes_give_an_order_or_the_one_error(data: bytes) -> None:
    for candidate in (data, work_order.MAGIC + struct.pack("<I", len(data)) + data):
        with pytest.raises(FormatError):
            work_order.parse(candidate)


@pytest.mark.skipif(not DOC.is_file(), reason="needs the checkout, not the wheel")
def test_the_example_in_the_specification_is_what_the_code_writes() -> None:
    text = re.search(r"<!-- work order -->\n```hex\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert text
    example = bytes.fromhex("".join(line.split(";")[0] for line in text[1].splitlines()))
    assert order(terminals=("SIM-0001",)).file.build() == example


# -- by hand ---------------------------------------------------------------------------------------------------------------------

CREATE = ("order", "create", "--number", "WO-17", "--bank", "示例银行", "--terminal", "SIM-0001", "--act", "update")


def test_an_order_by_hand(run: Fwtool, keys: pathlib.Path) -> None:
    made = run(*CREATE, "--act", "service", "--from", "2026-05-03", "--days", "2", "--out", "o.fwo", "--json").result
    assert made["data"]["acts"] == ["service", "update"]
    assert made["data"]["not_after"] - made["data"]["not_before"] == 2 * DAY_S
    assert made["data"]["not_before"] == 1_777_766_400  # 2026-05-03 00:00 UTC, by `date -u +%s`
    assert run("order", "show", "o.fwo", "--json").result["data"]["signed_by_bank"] is None
    assert run("trust", "install", "maker.trust").code == 0
    assert run("order", "show", "o.fwo", "--json").result["data"]["signed_by_bank"] is False
    assert run("order", "sign", "o.fwo", "--key", "maker.pem").code == 0
    shown = run("order", "show", "o.fwo")
    assert "work order WO-17 of 示例银行: service, update on SIM-0001" in shown.out
    assert "the bank has signed it" in shown.out
    assert "验签通过" in run("order", "show", "o.fwo", "--lang", "zh").out
    assert run("order", "show", "o.fwo", "--json").result["data"]["signed_by_bank"] is True


def test_an_order_that_a_stranger_signed_does_not_count(run: Fwtool, keys: pathlib.Path) -> None:
    assert run(*CREATE, "--out", "o.fwo").code == 0
    assert run("keys", "generate", "--out", "other.pem").code == 0
    assert run("order", "sign", "o.fwo", "--key", "other.pem").code == 0
    assert run("trust", "install", "maker.trust").code == 0
    assert run("order", "show", "o.fwo", "--json").result["data"]["signed_by_bank"] is False
    (keys / "o.fwo").write_bytes(b"FWORDER\x01")
    assert run("order", "show", "o.fwo").code == 3
