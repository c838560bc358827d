"""What is drilled: a gateway, the platform it asks, the engines it falls back on, and a folder for all it writes."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from ocrgate.clock import Clock
from ocrgate.drill import image
from ocrgate.drill.blueprint import Blueprint, keys_of
from ocrgate.drill.clock import JumpingClock
from ocrgate.drill.furnishing import Platform, furnished, saboteurs, switch_of
from ocrgate.drill.log import KeptLog
from ocrgate.drill.saboteur import Switch
from ocrgate.drill.secrecy import leaks
from ocrgate.gateway import Gateway
from ocrgate.keys import presence
from ocrgate.provider import Provider
from ocrgate.settings import Settings
from ocrgate.testing.simulator import BaiduSimulator, Rule, SimulatedKey, self_signed

OpenGateway = Callable[[Settings, Mapping[str, Provider], Clock], Gateway]
PATIENCE = 3.0
"""Seconds that threads and processes have to be gone after the gateway was closed."""


def open_gateway(settings: Settings, providers: Mapping[str, Provider], clock: Clock) -> Gateway:
    """The gateway as everybody gets it."""
    return Gateway(settings, providers=providers, clock=clock)


def read(data: bytes) -> list[dict[str, Any]]:
    """The simulator's reader: what stands on an image of a drill."""
    return _lines(data, image.text)


def misread(data: bytes) -> list[dict[str, Any]]:
    """What somebody answers who stands in the platform's place: the text of another image."""
    return _lines(data, lambda number: image.text(number ^ 1))


def _lines(data: bytes, text: Callable[[int], str]) -> list[dict[str, Any]]:
    import io

    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        rows = text(image.number(picture)).splitlines()
        step = picture.height // len(rows)
        return [
            {
                "words": row,
                "location": {"left": 8, "top": place * step, "width": picture.width - 16, "height": step - 1},
                "probability": 0.99,
            }
            for place, row in enumerate(rows)
        ]


class House:
    """One blueprint, built; a context manager that leaves nothing behind.

    Args:
        blueprint: what is drilled.
        secure: whether the platform speaks TLS; makes certificates with the openssl program.
        seed: of everything that is drawn.
        opens: builds the gateway.

    Attributes:
        gateway, platform, clock: in use.
        impostor: somebody who takes the platform's place, while there is one.
        strays: what such a one was asked.
        events: heard so far, each with its Unix time.
    """

    gateway: Gateway
    platform: BaiduSimulator

    def __init__(
        self, blueprint: Blueprint, *, secure: bool = False, seed: int = 0, opens: OpenGateway = open_gateway
    ) -> None:
        self.blueprint = blueprint
        self.clock = JumpingClock()
        self.events: list[tuple[float, Any]] = []
        self.impostor: BaiduSimulator | None = None
        self.strays: list[Any] = []
        self._secure = secure
        self._seed = seed
        self._opens = opens
        self._held = contextlib.ExitStack()
        self._log = KeptLog()
        self._threads: set[threading.Thread] = set()
        chance = random.Random(seed)
        self._secrets: dict[tuple[str, str], tuple[str, str]] = {}
        self.keys: list[SimulatedKey] = []
        for provider, entries in keys_of(blueprint).items():
            for entry in entries:
                pair = (f"{chance.getrandbits(96):024x}", f"{chance.getrandbits(128):032x}")
                self._secrets[provider, entry["name"]] = pair
                self.keys.append(SimulatedKey(entry["name"], *pair))
        self._ledger_key = f"{chance.getrandbits(128):032x}"

    def __enter__(self) -> House:
        with contextlib.ExitStack() as held:
            self.folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="ocrgate-drill-")))
            held.enter_context(self._log.kept())
            certificate = None
            if self._secure:
                (self.folder / "tls").mkdir()
                certificate = self_signed(self.folder / "tls")
            self.platform = BaiduSimulator(self.keys, None, read, certificate=certificate, seed=self._seed)
            self._threads = set(threading.enumerate())
            self.platform.start()
            held.callback(self.platform.stop)
            held.callback(self.unmask)
            bundle = None if certificate is None else str(certificate[0])
            platform = Platform(self.platform.url, bundle, self._secrets)
            self.settings = furnished(self.blueprint, platform, self.folder, self._ledger_key)
            self.gateway = self._opens(self.settings, saboteurs(self.blueprint, self.settings), self.clock)
            held.callback(self._withdraw)
            held.callback(self.gateway.close)
            self.gateway.on(lambda event: self.events.append((time.time(), event)))
            self._held = held.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def _withdraw(self) -> None:
        """Take back what was announced to other processes of this host about the drill's keys."""
        for entry in self.gateway.status().values():
            for key in entry["keys"].values():
                presence.withdraw(key.fingerprint)

    def plan(self, *rules: Rule) -> None:
        """Have the platform misbehave from now on; without rules, behave."""
        self.platform.plan_faults(rules)

    def switch(self, engine: str) -> Switch:
        """By which an engine on this host is told what to do."""
        return Switch(switch_of(self.folder, engine))

    def mask(self) -> None:
        """Stop the platform, and have somebody else listen in its place, with a certificate that nobody vouches for."""
        self.platform.stop()
        (self.folder / "mask").mkdir()
        self.impostor = BaiduSimulator(
            self.keys,
            None,
            misread,
            port=self.platform.port,
            certificate=self_signed(self.folder / "mask") if self._secure else None,
        )
        self.impostor.start()

    def unmask(self) -> None:
        """Take that one away."""
        impostor, self.impostor = self.impostor, None
        if impostor is not None:
            impostor.stop()
            self.strays += impostor.requests

    def first_keys(self) -> list[SimulatedKey]:
        """The key that the drilled route uses first, and those that share its account."""
        provider = self.blueprint.primary or ""
        entries = keys_of(self.blueprint).get(provider, [])
        first = next((entry.get("account") or entry["name"] for entry in entries), None)
        names = [entry["name"] for entry in entries if (entry.get("account") or entry["name"]) == first]
        secrets = {self._secrets[provider, name] for name in names}
        return [key for key in self.keys if (key.api_key, key.secret_key) in secrets]

    def leaks(self, said: Iterator[tuple[str, str]]) -> tuple[str, ...]:
        """Where a secret stands that was planted, or a token that was given out."""
        planted = {"the key of the ledger": self._ledger_key}
        for (provider, name), (api_key, secret_key) in self._secrets.items():
            planted[f"the API key {provider}/{name}"] = api_key
            planted[f"the secret key {provider}/{name}"] = secret_key
        for place, token in enumerate(self.platform.books.given(), 1):
            planted[f"token {place}"] = token
        log = (("the log", line) for line in self._log.lines)
        return tuple(leaks(planted, self.folder, [*said, *log]))

    def ledger_flaw(self) -> str | None:
        """What is wrong with the ledger, or nothing; None without one."""
        from ocrgate.audit import LedgerError, verify

        audit = self.settings.audit
        if audit.path is None or not Path(audit.path).exists():
            return None
        try:
            verdict = verify(audit.path, audit.key)
        except LedgerError as error:
            return str(error)
        return "" if verdict.ok else str(verdict.problems[0])

    def left(self) -> tuple[str, ...]:
        """Threads and processes of the gateway that are still there, some time after it was closed."""
        until = time.monotonic() + PATIENCE
        while True:
            found = [*self._live_threads(), *self._live_processes()]
            if not found or time.monotonic() >= until:
                return tuple(found)
            time.sleep(0.02)

    def _live_threads(self) -> Iterator[str]:
        for thread in threading.enumerate():
            if thread not in self._threads and thread.name.startswith("ocrgate-"):
                yield f"the thread {thread.name}"

    def _live_processes(self) -> Iterator[str]:
        for engine in self.blueprint.isolated:
            for pid in self.switch(engine).pids:
                with contextlib.suppress(OSError):
                    os.kill(pid, 0)
                    yield f"a worker process of {engine}"
