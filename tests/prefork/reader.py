"""One of several processes that share a state: `python -m tests.prefork.reader CONFIG THREADS`.

Says `{"ready": true}`, then for each line that it is sent reads that many pictures in every thread, and says what each
came to.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from ocrgate import Gateway
from ocrgate.errors import AllProvidersFailed, DeadlineExceeded
from tests.prefork.street import picture

_lock = threading.Lock()


def tell(**what: object) -> None:
    with _lock:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def read(gateway: Gateway, number: int) -> None:
    for _ in range(number):
        try:
            attempts = gateway.recognize(picture()).attempts
        except (AllProvidersFailed, DeadlineExceeded) as error:
            attempts = error.attempts
        last = attempts[-1]
        tell(outcome=last.outcome, code=last.diagnosis.code if last.diagnosis is not None else "")


def main(config: str, threads: str) -> None:
    with Gateway.from_yaml(config) as gateway, ThreadPoolExecutor(int(threads)) as pool:
        gateway.warm_up()
        tell(ready=True)
        for line in sys.stdin:
            list(pool.map(lambda _thread, number=int(line): read(gateway, number), range(int(threads))))
            tell(done=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
