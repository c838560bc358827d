"""Does any reply, however spoilt, end in a page or a diagnosis? See README.md."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import machine, report
from benchmarks.mutation import Mutant, mutant
from benchmarks.replies import TOKEN, TOKEN_REFUSED, replies
from benchmarks.soundness import diagnosis_flaws, page_flaws
from benchmarks.tally import Case, Tally
from ocrgate.clock import Deadline
from ocrgate.errors import ProviderError
from ocrgate.page import Page
from ocrgate.provider import Request
from ocrgate_baidu import ENDPOINTS, BaiduProvider
from ocrgate_baidu.transport import RawReply, Transport

RESULTS = Path(__file__).resolve().parent / "results"
WIDTH, HEIGHT = 640, 400
TOKEN_SHARE = 0.1
"""Of the mutants that are replies of the token endpoint."""


class Canned(Transport):
    """A transport that sends nothing and has the next reply of either endpoint at hand."""

    token: RawReply
    reply: RawReply

    def post(self, path: str, *_arguments: Any, **_options: Any) -> RawReply:
        return self.token if path.startswith("/oauth/") else self.reply


class Fuzz:
    """The real adapter for every endpoint, on a transport that brings whatever it is given.

    Args:
        seed: of all chance.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._good_token = mutant_of(TOKEN)
        self._providers = {name: _provider(name) for name in ENDPOINTS}
        self._names = list(ENDPOINTS)
        self._request = Request(b"\x89PNG\r\n\x1a\n", "PNG", WIDTH, HEIGHT)

    def provider(self, name: str, *, cold: bool = False) -> tuple[BaiduProvider, Canned]:
        """The adapter of an endpoint and its transport; a new one, which has no token yet, when it has to be cold."""
        return _provider(name) if cold else self._providers[name]

    def case(self, number: int) -> Case:
        """Make the mutant of that number and put it through the adapter."""
        chance = random.Random(f"{self.seed}:{number}")
        name = chance.choice(self._names)
        provider, canned = self.provider(name)
        shapes = replies(name, ENDPOINTS[name].kind)
        # Good replies spoil in more ways than short errors do.
        shape = shapes[0] if chance.random() < 0.6 else chance.choice(shapes)
        if chance.random() < TOKEN_SHARE:
            spoilt = mutant(chance, TOKEN if chance.random() < 0.8 else TOKEN_REFUSED)
            provider, canned = self.provider(name, cold=True)
            canned.token, canned.reply = _raw(spoilt), _raw(mutant_of(shapes[0]))
            name = "token"
        else:
            spoilt = mutant(chance, shape)
            canned.token, canned.reply = _raw(self._good_token), _raw(spoilt)
        return self._judged(number, name, spoilt, provider)

    def _judged(self, number: int, name: str, spoilt: Mutant, provider: BaiduProvider) -> Case:
        outcome, code, page, flaws = "diagnosis", None, None, []
        deadline = Deadline.after(3600.0)
        begun = time.thread_time()
        try:
            page = provider.recognize(self._request, deadline)
        except ProviderError as error:
            taken = time.thread_time() - begun
            flaws = diagnosis_flaws(error.diagnosis)
            code = error.diagnosis.code if error.diagnosis.known else "(in no table)"
        except Exception as error:
            taken = time.thread_time() - begun
            outcome, flaws = type(error).__name__, [f"{type(error).__name__}: {error}"[:200]]
        else:
            taken = time.thread_time() - begun
            flaws = page_flaws(page, WIDTH, HEIGHT)
            outcome = "page" if isinstance(page, Page) and page.lines else "empty page"
        return Case(number, name, spoilt.how, len(spoilt.body), outcome, code, tuple(flaws), taken)


def mutant_of(reply: Mapping[str, Any]) -> Mutant:
    """A reply that nothing was done to."""
    return Mutant((), 200, {"content-type": "application/json"}, json.dumps(reply).encode())


def _raw(spoilt: Mutant) -> RawReply:
    return RawReply(spoilt.status, spoilt.headers, spoilt.body)


def _provider(name: str) -> tuple[BaiduProvider, Canned]:
    endpoint = ENDPOINTS[name]
    options = {each: (endpoint.values(each) or ("x",))[0] for each in endpoint.required}
    keys = [{"name": "fuzz", "api_key": "fuzz-api-key", "secret_key": "fuzz-secret-key"}]
    provider = BaiduProvider(endpoint=name, options=options, keys=keys)
    canned = Canned(provider._transport.wire)
    provider._transport = canned
    return provider, canned


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz and write the result file.

    Returns:
        0; 1 when a reply ended in anything but a sound page or diagnosis, or took too long.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    fuzz, progress = Fuzz(options.seed), report.Progress()
    if options.only is not None:
        progress.done(str(fuzz.case(options.only)))
        return 0
    begun = time.perf_counter()
    tally = Tally(options.limit)
    for number in range(options.count):
        tally.add(fuzz.case(number))
        if number % 1000 == 0:
            progress.step(f"{number:,} of {options.count:,}, {tally.failed} failed")
    document = {
        "schema": report.SCHEMA,
        "question": "Does any reply end in a page or a diagnosis?",
        "command": report.command("fuzz_replies.py", words),
        "machine": machine.describe(),
        "seed": options.seed,
        "count": options.count,
        "seconds": round(time.perf_counter() - begun, 1),
        **tally.figures(),
    }
    report.write_json(options.out, document)
    for failure in document["failures"]:
        progress.done(f"FAILED {failure['number']}: {failure['endpoint']}: {'; '.join(failure['flaws'])}")
    progress.done(
        f"{options.count:,} replies in {document['seconds']} s: {document['outcomes']}, {tally.failed} failed, "
        f"slowest {document['slowest'][0]['milliseconds'] if document['slowest'] else 0} ms"
    )
    return 1 if tally.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/fuzz_replies.py", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, metavar="N", help="replies (default 100000)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all chance (default 0)")
    parser.add_argument(
        "--limit",
        type=float,
        default=1.0,
        metavar="S",
        help="processor time of a reply and of each of its megabytes (default 1)",
    )
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one reply of a run, told and not written")
    parser.add_argument("--out", type=Path, default=RESULTS / "fuzz_replies.json", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
