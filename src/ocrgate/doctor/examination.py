"""The whole examination, one line after the other: this host, the configuration, and every engine side by side."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ocrgate import catalog
from ocrgate.ability import Finding
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.doctor.configuration import FILE, Configuration, ledger, state
from ocrgate.doctor.engine import Patient
from ocrgate.doctor.entry import Entry
from ocrgate.doctor.environment import environment
from ocrgate.doctor.host import host
from ocrgate.errors import ConfigError, OCRError
from ocrgate.provider import Provider
from ocrgate.settings import AcceptSettings, RouteSettings, Settings

if TYPE_CHECKING:
    from ocrgate.gateway import Gateway

HOST, CONFIGURATION = "host", "configuration"
Opening = Callable[[Settings, Mapping[str, Provider]], "Gateway"]


def examine(
    path: str | os.PathLike[str] | None = None,
    *,
    open_gateway: Opening,
    network: bool = True,
    environ: Mapping[str, str] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Entry, None, None]:
    """Look at everything that a recognition needs; each entry as soon as it is there, those of a group together.

    Engines are looked at side by side, each with time limits of its own, so that one that hangs keeps no other
    waiting. Closing the iterator ends what is still going on.

    Args:
        path: of the configuration; None for the embedded default.
        open_gateway: makes a gateway of settings and of adapters by configured name.
        network: whether anybody is asked over it.
        environ: variables; those of the process when None.
        clock: time.
    """
    for finding in host():
        yield Entry(HOST, finding)
    configuration = Configuration(path)
    for finding in configuration.findings():
        yield Entry(CONFIGURATION, finding)
    for finding in environment(os.environ if environ is None else environ):
        yield Entry(CONFIGURATION, finding)
    settings = configuration.settings
    if settings is None:
        return
    yield Entry(CONFIGURATION, state(settings))
    for finding in ledger(settings):
        yield Entry(CONFIGURATION, finding)
    yield from _engines(settings, open_gateway, network, clock)


def usable(entries: list[Entry]) -> bool:
    """Whether the configuration could be read and makes sense."""
    return not any(
        entry.group == CONFIGURATION and entry.finding.name == FILE and entry.finding.status == "fail"
        for entry in entries
    )


def _engines(settings: Settings, open_gateway: Opening, network: bool, clock: Clock) -> Iterator[Entry]:
    adapters: dict[str, Provider] = {}
    for name, wanted in settings.providers.items():
        try:
            adapters[name] = catalog.build(catalog.spec_of(wanted))
        except ConfigError as error:
            yield Entry(name, Finding("options", "fail", str(error), "correct the engine's options"))
    alone = replace(
        settings,
        providers={name: settings.providers[name] for name in adapters},
        routes={name: RouteSettings(name, (name,), accept=AcceptSettings(on_invalid="best")) for name in adapters},
        watch=None,
        notices=(),
    )
    try:
        gateway = open_gateway(alone, adapters)
    except OCRError as error:
        yield Entry(CONFIGURATION, Finding("gateway", "fail", str(error), "correct what it names"))
        return
    try:
        patients = {}
        for name, adapter in adapters.items():
            routes = tuple(route for route in settings.routes.values() if name in route.providers)
            patients[name] = _Ward(Patient(settings.providers[name], adapter, routes, gateway, clock), network)
        for name, ward in patients.items():
            for finding in ward.findings():
                yield Entry(name, finding)
    finally:
        gateway.close()


class _Ward:
    """One engine's examination in a thread of its own, which nobody waits for longer than it may take."""

    def __init__(self, patient: Patient, network: bool) -> None:
        self._patient = patient
        self._network = network
        self._found: queue.SimpleQueue[Finding | None] = queue.SimpleQueue()
        self._end = patient.clock.monotonic() + patient.patience
        threading.Thread(target=self._run, name=f"ocrgate-doctor-{patient.settings.name}", daemon=True).start()

    def findings(self) -> Iterator[Finding]:
        while True:
            try:
                finding = self._found.get(timeout=max(0.0, self._end - self._patient.clock.monotonic()))
            except queue.Empty:
                detail = f"did not end within {self._patient.patience:.0f} s"
                yield Finding("examination", "fail", detail, "look at the load of this host; report it if it stays")
                return
            if finding is None:
                return
            yield finding

    def _run(self) -> None:
        try:
            for finding in self._patient.findings(network=self._network):
                self._found.put(finding)
        except Exception as error:  # noqa: BLE001 - one engine's defect must not hide what the others are like
            self._found.put(Finding("examination", "fail", f"{type(error).__name__}: {error}", "report it as a defect"))
        finally:
            self._found.put(None)
