"""Statistics under their UnifiedPOS names (UnifiedPOS 1.14, appendix on device statistics)."""

START = {
    "HoursPoweredCount": 5210,
    "CommunicationErrorCount": 3,
    "ReceiptLinePrintedCount": 182_400,
    "ReceiptCharacterPrintedCount": 3_910_000,
    "ReceiptCoverOpenCount": 96,
    "PaperCutCount": 0,
    "PrinterFaultCount": 2,
    "MaximumTempReachedCount": 0,
    "NVRAMWriteCount": 8_800,
    "GoodReadCount": 21_300,
    "FailedReadCount": 410,
    "UnreadableCardCount": 37,
    "MissingStartSentinelTrack2Count": 12,
    "ParityLRCErrorTrack2Count": 9,
    "ValidPINEntryCount": 17_020,
    "InvalidPINEntryCount": 230,
    "KeyPressedCount": 311_000,
}
"""A terminal of about two years; resettable ones count from here."""


class Statistics:
    """Counters by name."""

    def __init__(self) -> None:
        self.values = dict(START)

    def add(self, name: str, count: int = 1) -> None:
        self.values[name] = self.values.get(name, 0) + count

    def reset(self) -> None:
        """All but the hours, which are the device's age."""
        for name in self.values:
            if name != "HoursPoweredCount":
                self.values[name] = 0
