"""Where a gateway's configuration comes from, so that it can be taken anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.settings import Settings
from ocrgate.watch import Watch


class Source:
    """A configuration that can be read again.

    Args:
        load: reads it; raises ConfigError.
        file: that it is read from, or None when there is nothing to watch.
        clock: time.
    """

    def __init__(self, load: Callable[[], Settings], file: Path | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
        self._load = load
        self._file = file
        self._clock = clock
        self._watch: Watch | None = None

    def read(self) -> Settings:
        """The configuration as it is now, which is watched from here on.

        Raises:
            ConfigError: when it cannot be used.
        """
        # Looked at before it is read, so that no change in between is missed.
        seen = None if self._file is None else Watch.stamp(self._file)
        settings = self._load()
        if self._file is not None:
            every = settings.watch
            self._watch = None if every is None else Watch(self._file, every, self._clock, seen=seen)
        return settings

    def changed(self) -> bool:
        """Whether it is another one by now; see `Watch.changed`."""
        watch = self._watch
        return watch is not None and watch.changed()
