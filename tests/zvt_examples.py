"""Messages of ZVT as examples, and a second decoder written from the specification alone.

Recorded bytes come from tests of others, whose code is not used: R wirelane/ecrterm, P Portalum/Portalum.Zvt, E EVerest/zvt.
The other examples are invented and built by hand from PA00P015 and PA00P016; their CRCs and digests were computed elsewhere.
"""

from typing import Any, Final

from transports.zvt import charsets, outcome, printing, service, session
from transports.zvt.files import FileBlock, FilePart, FileRequest, WriteFile
from transports.zvt.layout import Message
from transports.zvt.maker import SYSTEM_INFORMATION, MakerCompletion, MakerRequest
from transports.zvt.outcome import Aborted, Completion, IntermediateStatus, StatusInformation, Totals, Turnover
from transports.zvt.printing import Line, PrintLine, PrintTextBlock
from transports.zvt.session import CharacterSets, Commands, Moment, Registration, RegistrationCompletion, StatusCompletion
from transports.zvt.values import Password

SECRET: Final = Password("246813")
SERVICE_SECRET: Final = Password("135790")


def raw(text: str) -> bytes:
    return bytes.fromhex("".join(text.split()))


BLOCK: Final = bytes((7 * index + 3) % 256 for index in range(512))
RECEIPT: Final = [f"ZEILE {number:02d}".encode() for number in range(1, 31)]
NOTHING: Final = Turnover(0, 0)

# name, APDU, end of its frame (10 03 CRC), the record of its data
EXAMPLES: Final[dict[str, tuple[bytes, str, Message]]] = {
    "registration": (
        raw("060024 246813 8E 0978 0301 061A 1A020400 120140 2703140101 260C0A0206D10A0206D30A0204FF"),
        "10030B0F",
        Registration(
            password=SECRET, config=0x8E, currency=978, service=1, container=True, max_apdu=1024, columns=40,
            charsets=CharacterSets(sets=(1,)), commands=Commands(opcodes=(0x06D1, 0x06D3, 0x04FF)),
        ),
    ),
    "registered": (
        raw("060F18 1902 2970004321 490978 060C 1A020200 120124 2703140101"),
        "1003C264",
        RegistrationCompletion(
            status=session.DIAGNOSIS_DUE, terminal_id="70004321", currency=978, max_apdu=512, columns=24,
            charsets=CharacterSets(sets=(1,)),
        ),
    ),
    "no paper": (raw("84CC00"), "100320C2", service.Empty()),
    "set clock": (
        raw("06910B 246813 AA261110 0C100310"),
        "10038546",
        service.SetClock(password=SECRET, date="261110", time="100310"),
    ),
    "print line": (
        raw("06D110 60 4B6F706620323033647069203434 39"),
        "10031005",
        PrintLine(attribute=printing.CENTRED | printing.DOUBLE_WIDTH, text=b"Kopf 203dpi 449"),
    ),
    "status enquiry": (
        raw("05010A 246813 0304 0603 1F7800"),
        "10034B64",
        session.StatusEnquiry(password=SECRET, service=session.WITH_CONTAINER, container=True, next_restart=True),
    ),
    "status": (
        raw(
            "060F56 F0F0F9 53494D20302E332E37 CC 0647 E41B 1F400553494D2D31 1F4105302E332E37 1F420400990017 1F430100"
            "1F440470004321 1F55020404 340D 1F0E0420261122 1F0F03101500 350D 1F0E0420261123 1F0F03021000"
        ),
        "10032076",
        StatusCompletion(
            version="SIM 0.3.7", state=0xCC, terminal_id="70004321", locks=b"\x04\x04",
            device=session.Device(name="SIM-1", version="0.3.7", serial_number="00990017", state=0),
            clock=Moment(date="20261122", time="101500"), next_restart=Moment(date="20261123", time="021000"),
        ),
    ),
    "totals": (
        raw("040F4D 2700 04000000005149 60F0F5F3 00410043 02000000003150")
        + bytes(7)
        + raw("01000000001999")
        + bytes(28)
        + raw("0B000043 0C221001 0D1122"),
        "1003731C",
        StatusInformation(
            result=0, amount=5149, trace=43, time="221001", date="1122",
            totals=Totals(41, 43, (Turnover(2, 3150), NOTHING, Turnover(1, 1999), NOTHING, NOTHING, NOTHING, NOTHING)),
        ),
    ),
    "cleaning card": (
        raw("04FF27 E2 05 0623 2421 070F5265696E6967756E67736B61727465 070E62697474652062656E75747A656E"),
        "10030E48",
        IntermediateStatus(state=0xE2, minutes=5, display=outcome.Lines(lines=(b"Reinigungskarte", b"bitte benutzen"))),
    ),
    "write file": (
        raw("08141D 135790 0618 2D0A 1D0110 1F000400010400 2D0A 1D0113 1F000400000310"),
        "100314EE",
        WriteFile(password=SERVICE_SECRET, files=(FilePart(file_id=0x10, size=66560), FilePart(file_id=0x13, size=784))),
    ),
    "ask for a block": (
        raw("040C0D 060B 2D09 1D0110 1E0400001000"),
        "1003C2C9",
        FileRequest(file=FilePart(file_id=0x10, offset=4096)),
    ),
    "block": (
        raw("8000FF1502 06820211 2D82020D 1D0110 1E0400001000 1C820200") + BLOCK,
        "10030F06",
        FileBlock(file=FilePart(file_id=0x10, offset=4096, block=BLOCK)),
    ),
    "text block": (
        raw("06D3FF3B01 06820137 1F070103 2582012F") + b"".join(b"\x07\x08" + line for line in RECEIPT) + raw("090181"),
        "1003F8F9",
        printing.block(RECEIPT),
    ),
    "abort": (
        raw("061E14 FF 0611 1F160210F2 1F170968656164 2074656D70"),
        "1003CD32",
        Aborted(result=0xFF, error=b"\x10\xf2", error_text="head temp"),
    ),
    "clock from the terminal": (
        raw("040108 AA261122 0C221530"),
        "10037F1B",
        service.HostClock(date="261122", time="221530"),
    ),
}  # fmt: skip
DIGESTS: Final = {
    "block": ("d738a81ddd875f5c19584354c47514c3c63fc28e548294960c30879f55bd7e86",
              "9a03afc64d9754e6086d47f20c710564cb5752c6f353aca2891b49c665f93996"),
    "text block": ("03fab5484b5c3f83cda73be69dceaf58529b11701911f4c9411ed4e430cea34d", ""),
}  # fmt: skip
DOUBLED: Final = {
    "set clock": "10 02 06 91 0B 24 68 13 AA 26 11 10 10 0C 10 10 03 10 10 10 03 85 46",
    "print line": "10 02 06 D1 10 10 60 4B 6F 70 66 20 32 30 33 64 70 69 20 34 34 39 10 03 10 05",
}
"""Frames in full, where bytes are doubled."""

# source, APDU as recorded, record, what must have been read
RECORDED: Final[list[tuple[str, bytes, type[Message], dict[str, Any]]]] = [
    ("R", raw("060F0B F0F0F7 322E31342E3135 00"), StatusCompletion, {"version": "2.14.15", "state": 0}),
    ("R", raw("060F07 F0F0F3626C6106"), StatusCompletion, {"version": "bla", "state": 6}),
    ("R", raw("060F09 F0F0F3626C61060600"), StatusCompletion, {"version": "bla", "state": 6}),
    ("R", raw("060F01 06"), StatusCompletion, {"version": None, "state": 6}),
    ("R", raw("060F03 060600"), StatusCompletion, {"version": None, "state": 6}),
    (
        "R",
        raw(
            "060f89f0f4f04745522d4150502d76322e302e393b635230322e30312e30312d30302e30392d322d323b4343323600065b1f44045250"
            "0245e4431f400a6356454e4420626f782b1f41284745522d4150502d76322e302e393b635230322e30312e30312d30302e30392d322d"
            "323b434332361f420411e930ec1f430100340d1f0e04202306221f0f03085556"
        ),
        StatusCompletion,
        {
            "version": "GER-APP-v2.0.9;cR02.01.01-00.09-2-2;CC26",
            "state": 0,
            "terminal_id": "52500245",
            "clock": Moment(date="20230622", time="085556"),
            "device": session.Device(
                name="cVEND box+", version="GER-APP-v2.0.9;cR02.01.01-00.09-2-2;CC26", serial_number="11E930EC", state=0
            ),
        },
    ),
    ("R", raw("069303999999"), service.WithPassword, {"password": Password("999999")}),
    ("R", raw("06000498765441"), Registration, {"password": Password("987654"), "config": 0x41, "currency": None}),
    ("R", raw("060008777777a00978030a"), Registration, {"currency": 978, "service": 10, "container": False}),
    ("R", raw("06501712345606123f210c60065501aa0501bb1002abba110177"), service.EndOfDay, {"password": Password("123456")}),
    (
        "R",
        raw(
            "06006300000 0FE0978030006591002160212014 01A0210002628 0A02040F0A02060F0A02061E0A0204FF0A0206D80A0206DB0A0206D9"
            "0A0206DA0A0206DD0A0206D3 27031401FF 2810150244451502454E15024652150249 54 4002C000 1F0402F100 1F050100"
        ),
        Registration,
        {
            "config": 0xFE, "currency": 978, "service": 0, "max_apdu": 0x1000, "columns": 40,
            "charsets": CharacterSets(sets=(charsets.CP437,)), "receipt": b"\xf1\x00",
            "commands": Commands(
                opcodes=(0x040F, 0x060F, 0x061E, 0x04FF, 0x06D8, 0x06DB, 0x06D9, 0x06DA, 0x06DD, 0x06D3)
            ),
        },
    ),
    ("R", raw("060F11 1900 2952001233 490978 0605 27031401FF"), RegistrationCompletion, {"terminal_id": "52001233"}),
    (
        "R",
        raw("04FF1E 0A 01 061A2418 0716") + b"Bitte Karte einstecken",
        IntermediateStatus,
        {"state": 0x0A, "minutes": 1, "display": outcome.Lines(lines=(b"Bitte Karte einstecken",))},
    ),
    (
        "P",
        raw("04FF1E FF 10 061A2418 0708") + b"EUR 1.23" + raw("070C") + b"Bitte warten",
        IntermediateStatus,
        {"state": 0xFF, "minutes": 10},
    ),
    ("P", raw("060F0227E0"), Completion, {"result": 0xE0}),
    (
        "P",
        raw("040F1E 276C 2928004869 3CF0F1F9") + b"Abbruch durch Kunde",
        StatusInformation,
        {"result": 0x6C, "terminal_id": "28004869", "text": "Abbruch durch Kunde"},
    ),
    (
        "P",
        raw(
            "040F6C2700 04000000002040 0C210916 0D1101 0E9999 22F0F8EEEEEEEEEEEE4771 A001 2900000006 870005 0B000000 8A06"
            "8BF1F14D41535445524341524400 062E2F081F1201011F100103601B4307A00000000410104410446562697420 4D617374657263617264"
            "1F2B0410016005"
        ),
        StatusInformation,
        {"amount": 2040, "receipt": "0005", "time": "210916", "date": "1101"},
    ),
    ("P", raw("06D11440") + b"** KASSENSCHNITT **", PrintLine, {"line": Line(b"** KASSENSCHNITT **", printing.CENTRED)}),
    ("P", raw("06D10140"), PrintLine, {"line": Line(b"", printing.CENTRED)}),
    ("P", raw("06D10740 06041F070101"), PrintLine, {"text": b"", "receipt_type": printing.MERCHANT}),
    ("P", raw("06D10E40 5645524B415546 06041F070102"), PrintLine, {"text": b"VERKAUF", "receipt_type": printing.CUSTOMER}),
    ("P", raw("06D10781 06041F070102"), PrintLine, {"line": Line(b"", printing.LAST)}),
    (
        "P",
        raw("06D3AC 0681A9 1F070103 2581A2 071B") + b"02.11.2021         17:05:02" + raw("070C") + b"TID:AH000006"
        + raw("0714") + b"Abschluss - keine TX" + raw("0719") + b" AV: +04.07 (Jun 11 2021)" + raw("071B")
        + b"TI: E DT: 0/0/ OF: 0/0/ CG:" + raw("070F") + b"           1/0/" + raw("070120") * 7 + raw("090181"),
        PrintTextBlock,
        {"receipt_type": printing.ADMINISTRATION},
    ),
    ("E", raw("060006123456DE0978"), Registration, {"config": 0xDE, "currency": 978}),
    ("E", raw("060F0A191029525235 35490978"), RegistrationCompletion, {"status": 0x10, "terminal_id": "52523535"}),
    ("E", raw("04FF021700"), IntermediateStatus, {"state": 0x17, "minutes": 0}),
    ("E", raw("061E04B887FFFF"), Aborted, {"result": 0xB8, "receipt": "FFFF"}),
    ("E", raw("0FA1020001"), MakerRequest, {"password": None, "function": SYSTEM_INFORMATION}),
    ("E", raw("040C0D060B2D091D01231E040000FDE8"), FileRequest, {"file": FilePart(file_id=0x23, offset=65000)}),
    (
        "E",
        raw("060F25") + b"17FD1E3CGER-APP-v2.0.9   5252353524.4",
        MakerCompletion,
        {"device_id": "17FD1E3C", "version": "GER-APP-v2.0.9", "voltage": None, "temperature": "24.4"},
    ),
    (
        "E",
        raw("060F24") + b"17FE5C90GER-APP-v2.0.9   525251118.0",
        MakerCompletion,
        {"terminal_id": "52525111", "voltage": None, "temperature": "8.0"},
    ),
    (
        "E",
        raw("060F28") + b"17FE5C90GER-APP-v2.0.9   52525111ABCD8.0",
        MakerCompletion,
        {"voltage": "ABCD", "temperature": "8.0"},
    ),
]  # fmt: skip
RECORDED_FRAME: Final = raw("1002 060F0B F0F0F7322E31342E313500 1003 B111")
"""R: the frame of the first."""
ALL_MESSAGES: Final = [
    *((name, whole, type(record)) for name, (whole, _, record) in EXAMPLES.items()),
    *((f"{source} {number}", whole, record) for number, (source, whole, record, _) in enumerate(RECORDED)),
]


# -- a second decoder, written from the facts alone -----------------------------------------------------------------------


def second_crc(data: bytes) -> int:
    """Reflected polynomial 8408, initial value and final XOR 0."""
    register = 0
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register


def second_unframe(frame: bytes) -> bytes:
    """A whole frame, nothing around it."""
    assert frame[:2] == b"\x10\x02"
    assert frame[-4:-2] == b"\x10\x03"
    payload, inside = bytearray(), iter(frame[2:-4])
    for byte in inside:
        payload.append(byte)
        if byte == 0x10:
            assert next(inside) == 0x10
    assert frame[-2] + 256 * frame[-1] == second_crc(bytes(payload) + b"\x03")
    return bytes(payload)


def second_split(apdu: bytes) -> tuple[int, bytes]:
    if apdu[2] == 0xFF:
        assert len(apdu) == 5 + apdu[3] + 256 * apdu[4]
        return apdu[0] * 256 + apdu[1], apdu[5:]
    assert len(apdu) == 3 + apdu[2]
    return apdu[0] * 256 + apdu[1], apdu[3:]


SECOND_SIZES: Final = {
    number: form
    for form, numbers in {
        "1": "01 02 03 05 19 27 72 73 74 75 8A 8C A0 D0 D2 D3 E0 E9 EA F0 F9 FA FB FC FD",
        "2": "0D 0E 17 3A 49 87",
        "3": "0B 0C 37 3D 88 AA",
        "4": "29 70 71",
        "5": "BA",
        "6": "04",
        "8": "3B EB",
        "15": "2A",
        "LL": "22 23 2D 4C 8B A7 D1 E1 E2 E3 E4 E5 E6 E7 E8 F1 F2 F3 F4 F5 F6 F7 F8",
        "LLL": "24 2E 3C 60 92 9A AF",
        "T": "06",
    }.items()
    for number in numbers.split()
}


def second_length(data: bytes) -> tuple[int, bytes]:
    if data[0] == 0x82:
        return data[1] * 256 + data[2], data[3:]
    if data[0] == 0x81:
        return data[1], data[2:]
    assert data[0] < 0x80
    return data[0], data[1:]


def second_tlv(data: bytes) -> list[tuple[str, bytes]]:
    found = []
    while data:
        size = 1
        if data[0] & 0x1F == 0x1F:
            size = 2
            while data[size - 1] & 0x80:
                size += 1
        tag = data[:size].hex()
        length, data = second_length(data[size:])
        assert len(data) >= length
        found.append((tag, data[:length]))
        data = data[length:]
    return found


def second_bitmaps(data: bytes) -> list[tuple[str, bytes]]:
    found = []
    while data:
        number, data = f"{data[0]:02X}", data[1:]
        form = SECOND_SIZES[number]
        if form == "T":
            size, data = second_length(data)
        elif form in ("LL", "LLL"):
            size, data = int(data[: len(form)].hex()[1::2]), data[len(form) :]
        else:
            size = int(form)
        found.append((number, data[:size]))
        data = data[size:]
    return found
