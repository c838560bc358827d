"""What a failure means: one record for every code, reply and exception."""

from ocrgate.diagnosis.catalogue import lookup, table
from ocrgate.diagnosis.diagnosis import Action, Category, Certainty, Diagnosis, Fault
from ocrgate.diagnosis.explain import diagnose

__all__ = ["Action", "Category", "Certainty", "Diagnosis", "Fault", "diagnose", "lookup", "table"]
