"""Attached receipt printers that speak ESC/POS, through the library python-escpos (optional extra `escpos`; docs/escpos.md)."""

from fwtool.escpos.connection import open_printer
from fwtool.escpos.job import Printout, print_test
from fwtool.escpos.slip import Slip

__all__ = ["Printout", "Slip", "open_printer", "print_test"]
