"""A record that several threads, or several processes, change one after the other."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ocrgate import fork
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.state.memory import MemoryStore
from ocrgate.state.store import Store

Record = TypeVar("Record")
Record_co = TypeVar("Record_co", covariant=True)
Answer = TypeVar("Answer")

_PATIENCE = 1.0
"""Seconds for which others may be first with every change, before one goes unwritten."""
_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005

_log = logging.getLogger("ocrgate.state")


class Codec(Protocol[Record]):
    """How a record is written as a text."""

    def fresh(self) -> Record:
        """The record before anything has happened."""
        ...

    def encode(self, record: Record) -> str:
        """Equal records give equal texts."""
        ...

    def decode(self, text: str) -> Record:
        """The record; a fresh one, never an error, for whatever cannot be read."""
        ...


class Cell(Protocol[Record_co]):
    """One record and its time. Every `change` sees what the one before it left, whoever made it."""

    def change(self, step: Callable[[Record_co, float], Answer]) -> Answer:
        """Let `step(record, now)` look at the record and alter it in place; what it returns.

        `now` is in seconds that every holder of the record agrees on. A step may run more than once, each time on a
        record as it is then, so all it does is to alter the record and to answer; it must not raise.
        """
        ...

    def look(self, step: Callable[[Record_co, float], Answer]) -> Answer:
        """Likewise, for a step that alters nothing."""
        ...


class LocalCell(Generic[Record]):
    """A record of this process, in monotonic time."""

    def __init__(self, codec: Codec[Record], clock: Clock = SYSTEM_CLOCK) -> None:
        self._codec = codec
        self._record = codec.fresh()
        self._clock = clock
        self._lock = threading.Lock()
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def change(self, step: Callable[[Record, float], Answer]) -> Answer:
        with self._lock:
            return step(self._record, self._clock.monotonic())

    look = change

    def recode(self, codec: Codec[Record]) -> None:
        """Go on with the record as another codec reads it: the settings in it may be others from now on."""
        with self._lock:
            self._record = codec.decode(self._codec.encode(self._record))
            self._codec = codec


class SharedCell(Generic[Record]):
    """A record in a store, in the store's time.

    Args:
        store: one that raises no StoreError.
        name: of the entry.
        codec: how the record is written there.
        life: seconds after the last change for which the record is kept.
        clock: for pauses between tries when others change it at the same time.
        jitter: how long a pause is, between two bounds in seconds.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        codec: Codec[Record],
        life: float,
        clock: Clock = SYSTEM_CLOCK,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._store = store
        self._name = name
        self._codec = codec
        self._life = life
        self._clock = clock
        self._jitter = jitter
        # Threads of one process take turns here, so that only processes compete for the entry.
        self._lock = fork.Lock()

    def change(self, step: Callable[[Record, float], Answer]) -> Answer:
        with self._lock:
            until, pause = self._clock.monotonic() + _PATIENCE, _PAUSE
            while True:
                text = self._store.get(self._name)
                record = self._decoded(text)
                answer = step(record, self._store.time())
                written = self._codec.encode(record)
                if written == text or self._store.swap(self._name, text, written, self._life):
                    return answer
                if self._clock.monotonic() >= until:
                    # What is there now is the work of others, of which this process knows nothing.
                    _log.warning("%s is changed all the time by others; one change of it is lost", self._name)
                    return answer
                self._clock.sleep(self._jitter(0.0, pause))
                pause = min(2 * pause, _LONGEST_PAUSE)

    def look(self, step: Callable[[Record, float], Answer]) -> Answer:
        return step(self._decoded(self._store.get(self._name)), self._store.time())

    def _decoded(self, text: str | None) -> Record:
        return self._codec.fresh() if text is None else self._codec.decode(text)


def open_cell(
    store: Store | None, name: str, codec: Codec[Record], life: float, clock: Clock = SYSTEM_CLOCK
) -> Cell[Record]:
    """The cell of that name: in the store where it could be shared, else of this process, where it lives as long as the
    store; without a store, a new one."""
    if store is None:
        return LocalCell(codec, clock)
    if store.kind != "memory" or not isinstance(store, MemoryStore):
        return SharedCell(store, name, codec, life, clock)
    known: LocalCell[Record] | None = store.cells.get(name)
    if known is None:
        known = store.cells.setdefault(name, LocalCell(codec, clock))
    else:
        known.recode(codec)
    return known
