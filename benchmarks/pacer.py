"""One process of the pacing benchmark: a gateway that is asked for more than its key may do, until its time is over.

`python -m benchmarks.pacer` reads one JSON object a line: first what to do, then an empty one to begin.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import Counter
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    from pathlib import Path

    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.contender import small_png
from ocrgate import Gateway, OCRError


def main() -> None:
    """Say `ready`, wait for the word, and tell how the calls ended."""
    job = json.loads(sys.stdin.readline())
    logging.getLogger("ocrgate").addHandler(logging.NullHandler())
    with Gateway.from_dict(job["config"]) as gateway:
        gateway.warm_up()
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(ask(gateway, job["callers"], job["seconds"])), flush=True)


def ask(gateway: Gateway, callers: int, seconds: float) -> dict[str, Any]:
    """Have `callers` threads ask one call after the other; how many ended how."""
    picture, until = small_png(), time.monotonic() + seconds
    ended: Counter[str] = Counter()

    def call() -> None:
        while time.monotonic() < until:
            try:
                gateway.recognize(picture)
            except OCRError as error:
                ended[type(error).__name__] += 1
            else:
                ended["read"] += 1

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(ended)


if __name__ == "__main__":
    main()
