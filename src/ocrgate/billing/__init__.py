"""What calls cost, what an account may still call, and what a route may still spend."""

from ocrgate.billing.meter import Meter
from ocrgate.billing.reservation import Reservation
from ocrgate.billing.spend import Spend
from ocrgate.billing.usage import Total, Usage

__all__ = ["Meter", "Reservation", "Spend", "Total", "Usage"]
