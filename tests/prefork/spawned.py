"""Workers of `multiprocessing`: `python -m tests.prefork.spawned METHOD STATE ROUTE LEDGER`.

The gateway was used before; forked workers use it, spawned ones open one of their own from the same configuration.
"""

from __future__ import annotations

import multiprocessing
import sys
import warnings

from ocrgate import Gateway
from tests.prefork.street import PATIENCE, open_gateway, read

gateway: Gateway | None = None


def use(inherited: Gateway) -> None:
    global gateway  # noqa: PLW0603 - how a pool hands something to its workers
    gateway = inherited


def begin(state: str, ledger: str) -> None:
    global gateway  # noqa: PLW0603 - how a pool hands something to its workers
    gateway = open_gateway(state, ledger)


def work(route: str) -> str:
    assert gateway is not None
    return read(gateway, route)


def main(method: str, state: str, route: str, ledger: str) -> None:
    context = multiprocessing.get_context(method)
    with open_gateway(state, ledger) as mine:
        read(mine, route)
        chosen = (use, (mine,)) if method == "fork" else (begin, (state, ledger))
        with context.Pool(3, *chosen) as pool:
            answers = pool.map_async(work, [route] * 30, chunksize=1).get(2 * PATIENCE)
            read(mine, route)
            pool.close()
            pool.join()
        assert len(answers) == 30
        assert all(answers)
        read(mine, route)
    sys.stdout.write("whole\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # that forking with threads is delicate, which is the point
    main(*sys.argv[1:])
