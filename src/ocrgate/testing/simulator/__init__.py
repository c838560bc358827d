"""A local stand-in for Baidu's platform: its protocol, its limits, and its failures by plan."""

from ocrgate.testing.simulator.account import SimulatedKey
from ocrgate.testing.simulator.certificate import self_signed
from ocrgate.testing.simulator.fault import Fault, Match, Plan, Rule
from ocrgate.testing.simulator.reply import Reader, canned
from ocrgate.testing.simulator.server import BaiduSimulator, LoggedRequest

__all__ = [
    "BaiduSimulator",
    "Fault",
    "LoggedRequest",
    "Match",
    "Plan",
    "Reader",
    "Rule",
    "SimulatedKey",
    "canned",
    "self_signed",
]
