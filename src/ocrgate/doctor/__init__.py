"""Everything that a recognition needs, looked at: each line pass, warn or fail, with the remedy."""

from ocrgate.doctor.entry import Entry
from ocrgate.doctor.examination import examine, usable

__all__ = ["Entry", "examine", "usable"]
