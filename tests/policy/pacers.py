"""What tests have other processes do with a limit: `python -m tests.policy.pacers JOB ARGUMENT…`."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time

from ocrgate.clock import Deadline
from ocrgate.policy.limit import Limit
from ocrgate.state import Store, open_store
from tests.state.work import wait_for_go

PLACE = "baidu/key"


def limit_at(store: Store, qps: float, margin: float = 0.0) -> Limit:
    return Limit("baidu", qps, margin=margin, store=store, place=PLACE)


def take(url: str, qps: str, margin: str, seconds: str, threads: str) -> None:
    """Say when turns came, in the monotonic time of this host, with more callers than there are turns."""
    store = open_store(url)
    limit = limit_at(store, float(qps), float(margin))
    came: list[float] = []
    wait_for_go()
    until = time.monotonic() + float(seconds)

    def call() -> None:
        while time.monotonic() < until:
            limit.acquire(Deadline.after(60.0))
            came.append(time.monotonic())

    callers = [threading.Thread(target=call) for _ in range(int(threads))]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    store.close()
    print(json.dumps(came))


def wait_for_ever(url: str, qps: str, callers: str) -> None:
    """Have callers wait for turns, and say so, until this process is killed."""
    limit = limit_at(open_store(url), float(qps))
    wait_for_go()
    far = Deadline.after(3600.0)
    for _ in range(int(callers)):
        threading.Thread(target=lambda: limit.acquire(far), daemon=True).start()
    # The last of them waits for all turns but the first.
    while limit.wait < (int(callers) - 0.5) * limit.interval:
        threading.Event().wait(0.002)
    print("waiting", flush=True)
    signal.pause()


def main() -> None:
    job, *arguments = sys.argv[1:]
    globals()[job](*arguments)


if __name__ == "__main__":
    main()
