"""Forks again and again while its threads are in the middle of calls.

`python -m tests.prefork.forks STATE ROUTE LEDGER`; see `open_gateway`.

Every child reads with the gateway of its parent, alone and with threads of its own, closes it and ends; the parent goes
on. Says `whole` when all went well.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
import traceback
import warnings

from ocrgate import Gateway
from tests.lane.processes import eventually
from tests.prefork.street import PATIENCE, open_gateway, read

CHILDREN = 12
THREADS = 4


def work(gateway: Gateway, route: str, over: threading.Event, failures: list[str]) -> None:
    while not over.is_set():
        try:
            read(gateway, route)
        except Exception:
            failures.append(traceback.format_exc())
            over.set()


def reached(gateway: Gateway) -> bool:
    """Whether the shared state is in reach again; so many processes on few cores may have kept each other from it."""
    return eventually(lambda: all(provider["state"].ok for provider in gateway.status().values()), PATIENCE / 2)


def child(gateway: Gateway, route: str) -> int:
    """Exit status."""
    # A child that hangs says where and dies.
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(int(PATIENCE))
    try:
        for _ in range(3):
            read(gateway, route)
        failures: list[str] = []
        over = threading.Event()
        threads = [threading.Thread(target=work, args=(gateway, route, over, failures)) for _ in range(2)]
        for thread in threads:
            thread.start()
        gateway.status()
        for _ in range(3):
            read(gateway, route)
        over.set()
        for thread in threads:
            thread.join()
        assert reached(gateway), "the child is left without the state"
        gateway.flush()
        gateway.close()
        if failures:
            sys.stderr.write(failures[0])
        return len(failures)
    except BaseException:
        traceback.print_exc()
        return 1


def main(state: str, route: str, ledger: str) -> None:
    gateway = open_gateway(state, ledger)
    heard: list[object] = []
    gateway.on(heard.append)
    read(gateway, route)
    over = threading.Event()
    failures: list[str] = []
    threads = [threading.Thread(target=work, args=(gateway, route, over, failures)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    children = []
    for _ in range(CHILDREN):
        read(gateway, route)
        pid = os.fork()
        if not pid:
            os._exit(child(gateway, route))
        children.append(pid)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    before = len(heard)
    read(gateway, route)
    over.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert reached(gateway), "the parent is left without the state"
    gateway.flush()
    assert statuses == [0] * CHILDREN, statuses
    assert not failures, failures[0]
    assert len(heard) > before, "the parent's listeners go on"
    gateway.close()
    sys.stdout.write("whole\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # that forking with threads is delicate, which is the point
    logging.getLogger("ocrgate.state").setLevel(logging.ERROR)  # a state out of reach for a moment: see `reached`
    main(*sys.argv[1:])
