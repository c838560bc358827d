"""What threads, processes or hosts share."""

from ocrgate.state.memory import MemoryStore
from ocrgate.state.store import Store, StoreError

__all__ = ["MemoryStore", "Store", "StoreError"]
