"""The firmware package `.fwp`, version 1: docs/formats/fwp.md says what every byte means."""
