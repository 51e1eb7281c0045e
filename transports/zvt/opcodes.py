"""Names of commands, and who may say them. Class and instruction are one number: 0x0600 is `06 00` (S 2, 3)."""

import enum


class Opcode(enum.IntEnum):
    """The maintenance set."""

    SET_HOST_CLOCK = 0x0401
    FILE_REQUEST = 0x040C
    STATUS_INFORMATION = 0x040F
    INTERMEDIATE_STATUS = 0x04FF
    STATUS_ENQUIRY = 0x0501
    REGISTRATION = 0x0600
    LOG_OFF = 0x0602
    COMPLETION = 0x060F
    TURNOVER_TOTALS = 0x0610
    RESTART = 0x0618
    PRINT_CONFIGURATION = 0x061A
    SET_TERMINAL_ID = 0x061B
    ABORTED = 0x061E
    END_OF_DAY = 0x0650
    SEND_OFFLINE = 0x0651
    DIAGNOSIS = 0x0670
    SELF_TEST = 0x0679
    SET_CLOCK = 0x0691
    INITIALISATION = 0x0693
    CHANGE_PASSWORD = 0x0695
    ABORT = 0x06B0
    PRINT_LINE = 0x06D1
    PRINT_TEXT_BLOCK = 0x06D3
    DISPLAY_TEXT = 0x06E0
    DISPLAY_TEXT_KEY = 0x06E1
    SERVICE_MODE = 0x0801
    SOFTWARE_UPDATE = 0x0810
    READ_FILE = 0x0811
    DELETE_FILE = 0x0812
    CHANGE_CONFIGURATION = 0x0813
    WRITE_FILE = 0x0814
    CHANGE_BAUD_RATE = 0x0840
    MAKER_FUNCTION = 0x0FA1
    """Feig cVEND: system information, factory reset."""


class Direction(enum.Enum):
    """Who says a command."""

    TO_TERMINAL = "to terminal"
    TO_HOST = "to host"
    BOTH = "both"


class Timer(enum.Enum):
    """The four timers of X 3 and S 1.4."""

    T1 = "T1"
    """Between two bytes of a frame."""
    T2 = "T2"
    """From a frame to its acknowledgement."""
    T3 = "T3"
    """From a command to its answer."""
    T4 = "T4"
    """From the answer to the completion."""
