"""Attacks in files that no other test is named after: deep nesting, far pointers, the wrong device, a wrong base."""

import io
import itertools
import pathlib
import struct
import types

import pytest

import firmware_samples
from formats import elf, elf_symbols
from formats.errors import FormatError
from formats.fwp.header import Header
from formats.fwp.package import seal
from fwtool.supply_chain import sbom
from hwsim.slots import Identity, Refused, judge
from tests.conftest import Fwtool
from tests.support import KEY, make_package, sign_package, trust_of
from transports.device import Device
from transports.terminal_records import Facts
from transports.tsp.messages import Status

TRUST = trust_of(KEY)
ELF = firmware_samples.path("built/vt100-1.5.0.elf")


@pytest.mark.parametrize("depth", [10**3, 10**5, 10**6])
@pytest.mark.parametrize("opening", ["[", '{"a":', '{"components":[{"name":"x","type":"library","components":[{"components":['])
def test_a7_nesting_is_capped_and_raises_the_one_error(depth: int, opening: str) -> None:
    """The only format with nesting that is read is JSON; packages and trust files have none by their layout."""
    head = b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":'
    with pytest.raises(FormatError):
        sbom.read(head + opening.encode() * depth)


def test_a7_a_nested_document_is_refused_before_it_is_packed(run: Fwtool, tmp_path: pathlib.Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 10**5)
    done = run(
        "image", "build", f"app={ELF}", "--version", "1.0.0", "--hardware", "X", "--security-counter", "1", "--sbom",
        "deep.json", "--out", "x.fwp", "--json",
    ).result  # fmt: skip
    assert (done["exit_code"], done["error"]["name"]) == (3, "damaged_file")


def test_a10_pointers_of_an_elf_file_stay_inside() -> None:
    """Every 32-bit field of the header and of each program header, with every value that could point out of the file."""
    data = ELF.read_bytes()
    start, size, count = struct.unpack_from("<I", data, 28)[0], *struct.unpack_from("<HH", data, 42)
    fields = [24, 28, 32, *(start + n * size + at for n in range(count) for at in range(0, size, 4))]
    reference = [(piece.address, piece.read(0, piece.size)) for piece in elf.read(io.BytesIO(data)).pieces]
    accepted = 0
    for at in fields:
        (old,) = struct.unpack_from("<I", data, at)
        for value in {0, 1, len(data) - 1, len(data), len(data) + 1, 2**31 - 1, 2**31, 2**32 - 1} - {old}:
            damaged = bytearray(data)
            struct.pack_into("<I", damaged, at, value)
            try:
                found = elf.read(io.BytesIO(damaged))
                pieces = [(piece.address, piece.read(0, piece.size)) for piece in found.pieces]
                elf_symbols.sections(io.BytesIO(damaged))
            except FormatError:
                continue
            accepted += 1
            assert all(bytes_ in bytes(damaged) for _, bytes_ in pieces)  # nothing from outside of the file
    assert accepted
    assert reference


HARDWARE = {
    "VT-100": lambda model, revision: model == "VT-100",
    "VT-100:3..3": lambda model, revision: model == "VT-100" and revision == 3,
    "VT-100:2..4": lambda model, revision: model == "VT-100" and revision in (2, 3, 4),
    "VT-100:0..4294967295": lambda model, revision: model == "VT-100",
    "VT-1000:3..3": lambda model, revision: model == "VT-1000" and revision == 3,
    "vt-100:3..3": lambda model, revision: model == "vt-100" and revision == 3,
}
"""Oracle: which devices a package for this hardware is for."""


@pytest.mark.parametrize("hardware", HARDWARE)
def test_a15_a_package_fits_its_own_devices_only_by_host_and_by_device(hardware: str) -> None:
    data = make_package(hardware=hardware)
    manifest = seal(io.BytesIO(data)).verify(TRUST).manifest
    head = Header.parse(data[:64], len(data))
    signed, block = data[: head.signed_size], data[head.signatures_offset :]
    for model, revision in itertools.product(("VT-100", "VT-1000", "vt-100", "VT-10", ""), (0, 1, 2, 3, 4, 5, 2**32 - 1)):
        fits = HARDWARE[hardware](model, revision)
        told = Facts(model, "1", "1.0.0", revision=revision)
        device = types.SimpleNamespace(facts=lambda told=told: told)
        assert Device.fits(device, manifest.hardware) == fits, (model, revision)  # type: ignore[arg-type]
        assert status_of(signed, block, model, revision) is (Status.OK if fits else Status.WRONG_HARDWARE), (model, revision)


def status_of(signed: bytes, block: bytes, model: str, revision: int) -> Status:
    """What a device of this kind says to a package."""
    try:
        judge(signed, block, TRUST, Identity("Example", model, revision, "1"), 0, None)
    except Refused as refused:
        return refused.status
    return Status.OK


def test_a16_a_delta_is_refused_as_long_as_there_are_none() -> None:
    """Version 1 knows no deltas: a base digest other than zero is refused, signed or not, on the host and on the device."""
    data = make_package()
    head = Header.parse(data[:64], len(data))
    manifest = seal(io.BytesIO(data)).open().manifest
    at = data.index(manifest.components[0].digest) + 32
    assert data[at : at + 32] == bytes(32)
    for byte in range(32):
        base = bytearray(data)
        base[at + byte] = 1
        forged = sign_package(bytes(base), KEY)
        with pytest.raises(FormatError):
            seal(io.BytesIO(forged)).verify(TRUST)
        said = status_of(forged[: head.signed_size], forged[head.signatures_offset :], "VT-100", 3)
        assert said is Status.DAMAGED_PACKAGE
