"""Whether an engine could be asked at all: is it installed, and does it read what it is asked for."""

from __future__ import annotations

from ocrgate.clock import Clock
from ocrgate.errors import ConfigError, ProviderRefused
from ocrgate.provider import Provider, Readiness

_NOT_READY_FOR = 30.0
"""Seconds that a provider found not ready is taken to stay so; asking again costs a look at the disk."""


class Checkup:
    """One provider's readiness: looked up once while it is ready, every half minute while it is not."""

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._known: tuple[float, Readiness] | None = None

    def readiness(self) -> Readiness:
        """What the provider said of itself lately."""
        known = self._known
        if known is not None and (known[1].ready or self._clock.monotonic() - known[0] < _NOT_READY_FOR):
            return known[1]
        try:
            found = self._provider.check()
        except ConfigError as error:
            found = Readiness(False, str(error))
        self._known = (self._clock.monotonic(), found)
        return found

    def require(self, languages: tuple[str, ...] = ()) -> None:
        """Pass when the engine can be asked for these languages.

        Raises:
            ProviderRefused: `not_ready` with what is missing and the command that mends it, or `language`.
        """
        found = self.readiness()
        if not found.ready:
            detail = " — ".join(filter(None, (found.detail, found.remedy)))
            raise ProviderRefused(self._provider.name, "not_ready", detail)
        reads = self._provider.capabilities.languages
        missing = [] if reads is None else [language for language in languages if language not in reads]
        if missing:
            raise ProviderRefused(self._provider.name, "language", f"does not read {', '.join(missing)}")
