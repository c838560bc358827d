"""What tests have other processes do with one token: `python -m tests.keys.asker JOB ARGUMENT…`."""

from __future__ import annotations

import json
import os
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from tests.state.work import wait_for_go

from ocrgate.clock import Deadline
from ocrgate.keys.owner import TokenOwner
from ocrgate.keys.shared import SharedToken
from ocrgate.keys.token import Token
from ocrgate.state import open_store

NAME = "0123456789ab"


class Backwards:
    """A seal for tests: no secret, but nothing is written as it is."""

    def seal(self, text: str) -> str:
        return "sealed:" + text[::-1]

    def open(self, text: str) -> str | None:
        return text.removeprefix("sealed:")[::-1] if text.startswith("sealed:") else None


def fetch(url: str, deadline: Deadline) -> Token:
    with urllib.request.urlopen(url, timeout=deadline.remaining) as reply:
        answer = json.load(reply)
    return Token(answer["text"], deadline.clock.monotonic() + answer["life"])


def ask(state: str, url: str, seconds: str, threads: str) -> None:
    """Say the tokens that so many threads get, all of them starting at once."""
    store = open_store(f"sqlite:{state}")
    owner = TokenOwner(lambda deadline: fetch(url, deadline))
    owner.share(SharedToken(store, NAME, Backwards()))
    barrier = threading.Barrier(int(threads))

    def get(_number: int) -> str:
        barrier.wait(30)
        return owner.get(Deadline.after(float(seconds))).text

    wait_for_go()
    with ThreadPoolExecutor(int(threads)) as pool:
        print(json.dumps(list(pool.map(get, range(int(threads))))))
    store.close()


def fork(state: str) -> None:
    """Say the tokens that a process gets before and after its child has replaced the first, and how many it fetched."""
    store = open_store(f"sqlite:{state}")
    fetched: list[str] = []

    def count(deadline: Deadline) -> Token:
        fetched.append(f"{os.getpid()}")
        return Token(f"t{len(fetched)}", deadline.clock.monotonic() + 1000)

    owner = TokenOwner(count, shared=SharedToken(store, NAME, Backwards()))
    wait_for_go()
    first = owner.get(Deadline.after(10))
    pid = os.fork()
    if pid == 0:
        inherited = owner.get(Deadline.after(10))
        owner.invalidate(inherited)
        successor = owner.get(Deadline.after(10))
        os._exit(0 if (inherited.text, successor.text) == ("t1", "t2") else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    owner.invalidate(first)
    print(json.dumps([code, first.text, owner.get(Deadline.after(10)).text, len(fetched)]))
    store.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
