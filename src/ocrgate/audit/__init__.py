"""The audit ledger: who used which key, when, from where, and what came of it, in a file that shows every change."""

from ocrgate.audit.error import LedgerError
from ocrgate.audit.flaw import Flaw, Kind, Verification
from ocrgate.audit.ledger import PATIENCE, Ledger, LedgerHealth
from ocrgate.audit.record import bench_record, switch_record, trial_record, use_record
from ocrgate.audit.verification import verify

__all__ = [
    "PATIENCE",
    "Flaw",
    "Kind",
    "Ledger",
    "LedgerError",
    "LedgerHealth",
    "Verification",
    "bench_record",
    "switch_record",
    "trial_record",
    "use_record",
    "verify",
]
