"""How the record of a breaker is written where several processes read it: a line of JSON of some hundred bytes."""

from __future__ import annotations

import json
from typing import Any, get_args

from ocrgate.policy.circuit import Circuit
from ocrgate.policy.status import State
from ocrgate.policy.window import is_count, is_time, open_window
from ocrgate.settings import BreakerMode, BreakerSettings

_STATES, _MODES = get_args(State), get_args(BreakerMode)


class CircuitCodec:
    """Writes and reads records for the settings of this process.

    A record of other settings is taken over, but for a window of another kind, which begins anew.
    """

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._window = open_window(settings)

    def fresh(self) -> Circuit:
        """Closed, and nothing has happened."""
        return Circuit(self._settings, self._window, held=self._window.empty)

    def encode(self, record: Circuit) -> str:
        """Equal records give equal texts."""
        return json.dumps(
            {
                "state": record.state,
                "epoch": record.epoch,
                "since": record.since,
                "until": record.until,
                "window": record.held,
                "probes": record.probes,
                "successes": record.successes,
                "failed_probes": record.failed_probes,
                "override": record.override,
                "spared": record.spared,
                "cause": record.cause,
                "trail": record.trail,
            },
            separators=(",", ":"),
        )

    def decode(self, text: str) -> Circuit:
        """The record; a fresh one for whatever is none."""
        try:
            return self._read(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return self.fresh()

    def _read(self, value: Any) -> Circuit:
        """Raises ValueError, TypeError, KeyError or AttributeError for what is no record."""
        numbers = [value[name] for name in ("epoch", "successes", "failed_probes", "spared")]
        times = [value["since"], value["until"], *(time for lease in value["probes"].values() for time in lease)]
        texts = [value["cause"], value["trail"]]
        if not (
            value["state"] in _STATES
            and (value["override"] is None or value["override"] in _MODES)
            and all(map(is_count, numbers))
            and all(map(is_time, times))
            and all(isinstance(each, str) for each in texts)
            and set(value["trail"]) <= set("coh")
        ):
            raise ValueError("this is no record of a breaker")
        epoch, successes, failed_probes, spared = numbers
        return Circuit(
            self._settings,
            self._window,
            state=value["state"],
            epoch=epoch,
            held=self._window.read(value["window"]),
            since=float(value["since"]),
            until=float(value["until"]),
            probes={name: (float(begun), float(end)) for name, (begun, end) in value["probes"].items()},
            successes=successes,
            failed_probes=failed_probes,
            override=value["override"],
            spared=spared,
            cause=value["cause"],
            trail=value["trail"],
        )
