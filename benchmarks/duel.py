"""The same troubles for `baidu-aip` alone, for `baidu-aip` with retries around it, and for ocrgate; see README.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import machine, report
from benchmarks.contender import small_png
from ocrgate import Gateway
from ocrgate.errors import OCRError
from ocrgate.testing import BaiduSimulator
from ocrgate.testing.simulator import SimulatedKey, self_signed

RESULTS = Path(__file__).resolve().parent / "results"
CALLS = 20
KEY, SPARE = (
    SimulatedKey("first", "first-api-key", "first-secret"),
    SimulatedKey("spare", "spare-api-key", "spare-secret"),
)
_HOME = "https://aip.baidubce.com"
_PEERS = ("baidu-aip", "baidu-aip + tenacity", "ocrgate")

_EACH_FOURTH = {"path": "ocr", "nth": [*range(4, 99, 4)]}

Ask = Callable[[], bool]
"""Reads one image; whether the text came."""


@contextmanager
def sdk(url: str) -> Iterator[Ask]:
    """The SDK with nothing changed but the address of the server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from aip import AipOcr

        client, image = AipOcr("1", KEY.api_key, KEY.secret_key), small_png()
        for home in type(client).__mro__:
            for name, value in vars(home).items():
                if isinstance(value, str) and value.startswith(_HOME):
                    setattr(client, name, value.replace(_HOME, url))

        def ask() -> bool:
            try:
                return "words_result" in client.accurate(image)
            except Exception:
                return False

        yield ask
        client.s.close()


@contextmanager
def retried(url: str) -> Iterator[Ask]:
    """What is usually written around it: three attempts with a pause that grows, on any error."""
    import tenacity

    with sdk(url) as ask:
        loop = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(3),
            wait=tenacity.wait_exponential(multiplier=0.01),
            retry=tenacity.retry_if_result(lambda right: not right),
            retry_error_callback=lambda _state: False,
        )
        yield lambda: bool(loop(ask))


@contextmanager
def gateway(url: str, **more: Any) -> Iterator[Ask]:
    """ocrgate with two keys and no other engine."""
    keys = [
        {"name": key.name, "api_key": key.api_key, "secret_key": key.secret_key, "account": key.name}
        for key in (KEY, SPARE)
    ]
    baidu = {"base_url": url, "trust_env": False, "keys": keys, "timeout": "5s", "retry": {"base": "10ms"}}
    image = small_png()
    with Gateway.from_dict({"providers": {"baidu": baidu}, "watch": "off", **more}) as opened:
        opened.warm_up()

        def ask() -> bool:
            try:
                return opened.recognize(image).valid
            except OCRError:
                return False

        yield ask


CONTENDERS: Mapping[str, Callable[[str], Any]] = dict(zip(_PEERS, (sdk, retried, gateway), strict=True))

TROUBLES: Mapping[str, tuple[str, list[dict[str, Any]]]] = {
    "one bad token reply": ("then nothing wrong", [{"match": {"path": "token", "nth": 1}, "fault": "token_poison"}]),
    "token expired on the server": ("code 111 from the second call on", [{"match": {"nth": 3}, "fault": "expire"}]),
    "token revoked": ("code 110 from the second call on", [{"match": {"nth": 3}, "fault": "revoke"}]),
    "every fourth reply is a page of HTML": (
        "502",
        [{"match": _EACH_FOURTH, "fault": "html"}],
    ),
    "every fourth connection is reset": ("", [{"match": _EACH_FOURTH, "fault": "reset"}]),
    "the first key has no quota left": (
        "code 17",
        [{"match": {"path": "ocr", "key": "first"}, "fault": {"kind": "code", "code": 17}}],
    ),
}


def troubles() -> dict[str, dict[str, Any]]:
    """Right answers of `CALLS` calls one after the other, for each trouble and contender."""
    found: dict[str, dict[str, Any]] = {}
    for name, (what, faults) in TROUBLES.items():
        found[name] = {"what": what}
        for peer, contender in CONTENDERS.items():
            with BaiduSimulator([KEY, SPARE], faults) as platform, contender(platform.url) as ask:
                found[name][peer] = sum(ask() for _ in range(CALLS))
    return found


def cold() -> dict[str, dict[str, int]]:
    """Twenty threads that start at once: right answers, and tokens that were fetched for them."""
    found = {}
    for peer, contender in CONTENDERS.items():
        with BaiduSimulator([KEY, SPARE]) as platform, contender(platform.url) as ask:
            with ThreadPoolExecutor(CALLS) as threads:
                right = sum(threads.map(lambda _place, ask=ask: ask(), range(CALLS)))
            found[peer] = {"right": right, "tokens": platform.tokens_issued}
    return found


def impostor(folder: Path) -> dict[str, bool]:
    """Whether the secret is handed to a server whose certificate nobody vouches for."""
    certificate, found = self_signed(folder), {}
    for peer, contender in CONTENDERS.items():
        with BaiduSimulator([KEY, SPARE], certificate=certificate) as platform, contender(platform.url) as ask:
            ask()
            found[peer] = any(request.endpoint == "token" for request in platform.requests)
    return found


def latencies(folder: Path, calls: int) -> dict[str, dict[str, float]]:
    """Milliseconds of a call in which nothing goes wrong, the contenders taking turns."""
    shared = {"state": f"sqlite:{folder / 'state.db'}", "audit": {"path": str(folder / "audit.jsonl")}}
    with BaiduSimulator([KEY, SPARE]) as platform, ExitStack() as stack:
        ways: dict[str, Ask] = {
            "baidu-aip": stack.enter_context(sdk(platform.url)),
            "ocrgate": stack.enter_context(gateway(platform.url)),
            "ocrgate, SQLite state and ledger": stack.enter_context(gateway(platform.url, **shared)),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(calls + 10):
            for name, ask in ways.items():
                begun = time.perf_counter()
                if not ask():
                    raise RuntimeError(f"{name} did not read the image")
                if turn >= 10:
                    taken[name].append(time.perf_counter() - begun)
    base = median(taken["baidu-aip"])
    return {
        name: {"p50_ms": round(1000 * median(times), 3), "ratio": round(median(times) / base, 2)}
        for name, times in taken.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the result files."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="benchmarks/duel.py", description=__doc__)
    parser.add_argument(
        "--calls", type=int, default=500, metavar="N", help="of each way, for the latency (default 500)"
    )
    parser.add_argument("--out", type=Path, default=RESULTS / "duel.json", metavar="FILE")
    options = parser.parse_args(words)
    progress = report.Progress()
    with tempfile.TemporaryDirectory() as place:
        document = {
            "schema": report.SCHEMA,
            "question": "What becomes of the same calls in the same trouble?",
            "command": report.command("duel.py", words),
            "machine": machine.describe(),
            "calls": CALLS,
            "troubles": troubles(),
            "cold_start": cold(),
            "secret_handed_to_an_impostor": impostor(Path(place)),
            "latency": latencies(Path(place), options.calls),
        }
    report.write_json(options.out, document)
    report.write(options.out.with_suffix(".md"), markdown(document))
    progress.done(f"written: {options.out.name}")
    return 0


def markdown(document: Mapping[str, Any]) -> str:
    """The result file for people."""
    rows: list[Sequence[object]] = [
        (f"{name} ({found['what']})" if found["what"] else name, *(found[peer] for peer in _PEERS))
        for name, found in document["troubles"].items()
    ]
    start, secret = document["cold_start"], document["secret_handed_to_an_impostor"]
    rows.append(("20 threads start at once", *(start[peer]["right"] for peer in _PEERS)))
    rows.append(("– tokens fetched for them", *(start[peer]["tokens"] for peer in _PEERS)))
    rows.append(
        ("secret handed to a server with a made-up certificate", *("yes" if secret[peer] else "no" for peer in _PEERS))
    )
    ways = [(name, way["p50_ms"], way["ratio"]) for name, way in document["latency"].items()]
    parts = [
        "# Duel",
        f"`{document['command']}`. {report.machine_line(document['machine'])}",
        f"Right answers of {document['calls']} calls one after the other, with a local stand-in for the platform.",
        report.table(("trouble", *_PEERS), rows),
        "A call in which nothing goes wrong, to the same server in the same process; the ratio is that of the medians.",
        report.table(("way", "p50 ms", "× baidu-aip"), ways),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
