"""Every power cut: scenarios of a terminal's life, each run once to count its flash operations, then cut in every one of them
in every way (docs/reliability.md)."""
