"""Forks while other threads hold every lock there is: `python -m tests.prefork.locked STATE ROUTE LEDGER`.

The locks are those that any object or module of the library holds at that moment, but for those that are taken before
a fork and given back after it on both sides. Names the ones that were held, then says `whole` when the child could
read and the parent could, too.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from ocrgate import fork
from ocrgate.lane import child as workers
from ocrgate.state import file
from tests.prefork.forks import child
from tests.prefork.street import open_gateway, read

_KINDS = (type(threading.Lock()), type(threading.RLock()))
_NOT_OURS = (file.DatabaseFile, fork.Lock)
"""The first is locked before a fork, the second is found where it is used."""
_PASSED_ON = {id(workers.birth), id(file._opening), id(file._forking)}


def attributes(thing: object) -> Iterator[tuple[str, Any]]:
    yield from getattr(thing, "__dict__", {}).items()
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(thing, name):
                yield name, getattr(thing, name)


def ours(name: object) -> bool:
    return isinstance(name, str) and name.partition(".")[0].startswith("ocrgate")


def locks() -> dict[str, Any]:
    """Every lock of the library, by where it is."""
    found: dict[str, Any] = {}
    modules = [module for name, module in list(sys.modules.items()) if ours(name)]
    things = [thing for thing in gc.get_objects() if ours(getattr(type(thing), "__module__", ""))]
    for thing in [*modules, *things]:
        where = getattr(thing, "__name__", None) if thing in modules else type(thing).__qualname__
        for name, value in list(attributes(thing)):
            lock = getattr(value, "_lock", None) if isinstance(value, threading.Condition | fork.Lock) else value
            if isinstance(lock, _KINDS) and id(lock) not in _PASSED_ON and not isinstance(thing, _NOT_OURS):
                found[f"{where}.{name} {len(found)}"] = lock
    return found


def main(state: str, route: str, ledger: str) -> None:
    gateway = open_gateway(state, ledger)
    for _ in range(3):
        read(gateway, route)
    gateway.flush()
    held, over = threading.Event(), threading.Event()
    mine = locks()
    taken: list[str] = []

    def hold() -> None:
        for name, lock in mine.items():
            if lock.acquire(timeout=0.05):
                taken.append(name)
        held.set()
        over.wait()
        for name in taken:
            mine[name].release()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    pid = os.fork()
    if not pid:
        os._exit(child(gateway, route))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    over.set()
    holder.join()
    read(gateway, route)
    gateway.close()
    assert status == 0, f"the child ended with {status}; held were {sorted(taken)}"
    sys.stdout.write("".join(f"{name.partition(' ')[0]}\n" for name in sorted(taken)) + "whole\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # that forking with threads is delicate, which is the point
    main(*sys.argv[1:])
