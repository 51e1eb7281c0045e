"""The table of faults: a name, what it does, and how it is undone. Scenario files and `sim-control` use the same names."""

from typing import Final

from hwsim.fault import Fault, Kind
from hwsim.faults_device import DEVICE_FAULTS
from hwsim.faults_line import LINE_FAULTS, plant_power_cut_at

__all__ = ["DEVICE_FAULTS", "FAULTS", "LINE_FAULTS", "Fault", "Kind", "plant_power_cut_at"]

FAULTS: Final[dict[str, Kind]] = {**DEVICE_FAULTS, **LINE_FAULTS}
"""All of them: what the health check finds, and what is met on the line."""
