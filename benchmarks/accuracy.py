"""How much of real images each engine reads right, asked through the gateway; see README.md."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import machine, report, robustness
from benchmarks.corpus import CorpusError, ImageSet, load
from benchmarks.roster import ENGINES, Entrant, Missing, enter
from benchmarks.trial import Trial, ask, summary
from ocrgate import ConfigError
from ocrgate.provider import Provider
from ocrgate.settings import Settings

RESULTS = Path(__file__).resolve().parent / "results"
_HEAD = ("set", "engine", "images", "CER micro", "CER mean", "capped", "recall", "exact", "s/image", "errors")


def main(arguments: Sequence[str] | None = None, providers: Mapping[str, Provider] | None = None) -> int:
    """Measure and write the result files.

    Args:
        arguments: of the command line.
        providers: adapters that are there already, by the names that `--engines` gives.

    Returns:
        0; 2 when nothing could be measured; 130 when interrupted, with what there was written; with `--robustness` 1
        when an image ended in anything but a `Result` or an `InvalidImage`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    if find_spec("rapidfuzz") is None:
        return _refuse("the edit distance is rapidfuzz's: pip install rapidfuzz")
    try:
        sets = load(options.folder, options.sets)
        if options.robustness:
            out = options.out or RESULTS / "robustness.json"
            return robustness.main(
                [chosen.first(options.limit) for chosen in sets], words, out, options.hang, providers
            )
        config = _load(options.config)
    except (CorpusError, ConfigError) as error:
        return _refuse(str(error))
    out = options.out or RESULTS / "accuracy.json"
    try:
        paper = _Paper(out, options.markdown or out.with_suffix(".md"), words, keep=options.keep)
    except ValueError as error:
        return _refuse(str(error))
    run = _Run(sets, options.limit, config, providers, options.details, paper)
    engines = options.engines or (list(config.providers) if config is not None else list(ENGINES))
    try:
        for name in dict.fromkeys(engines):
            run.measure(name)
    except KeyboardInterrupt:
        return 130
    if not run.measured:
        return _refuse("nothing was measured")
    paper.write(complete=True)
    return 0


class _Paper:
    """The result files, written anew after each row: a run that is ended early leaves what it had.

    Raises:
        ValueError: when rows are to be kept that cannot be, so that this is known before hours of measuring.
    """

    def __init__(self, out: Path, table: Path, words: Sequence[str], *, keep: bool) -> None:
        self._out = out
        self._table = table
        self._command = report.command("accuracy.py", words)
        self._machine = machine.describe()
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        self._missing: dict[str, str] = {}
        if keep and out.is_file():
            self._take_over(json.loads(out.read_text(encoding="utf-8")))

    def _take_over(self, old: Mapping[str, Any]) -> None:
        same = ("cores", "processor", "platform")
        if any(old["machine"][name] != self._machine[name] for name in same):
            raise ValueError(
                f"{self._out.name} was measured on another machine; leave --keep out or name another --out"
            )
        self._rows = {(row["set"], row["engine"]): row for row in old["results"]}

    def add(self, row: dict[str, Any]) -> None:
        """Put a row in, in place of one of the same set and engine, and write."""
        self._rows[row["set"], row["engine"]] = row
        self.write(complete=False)

    def lack(self, engine: str, why: str) -> None:
        """Say that an engine could not be asked."""
        self._missing[engine] = why

    def write(self, *, complete: bool) -> None:
        """Write both files."""
        document = {
            "schema": report.SCHEMA,
            "question": "How much of real images does each engine read right, asked through the gateway?",
            "command": self._command,
            "measured": _now(),
            "complete": complete,
            "machine": self._machine,
            "missing": self._missing,
            "results": [self._rows[place] for place in sorted(self._rows)],
        }
        report.write_json(self._out, document)
        report.write(self._table, markdown(document))


class _Run:
    """Engines over sets, row by row."""

    def __init__(
        self,
        sets: Sequence[ImageSet],
        limit: int | None,
        config: Settings | None,
        providers: Mapping[str, Provider] | None,
        details: Path | None,
        paper: _Paper,
    ) -> None:
        self._sets = [ImageSet(each.name, each.labelled).first(limit) for each in sets]
        self._left_out = {each.name: len(each.samples) - len(each.labelled) for each in sets}
        self._config = config
        self._providers = providers
        self._details = details
        self._progress = report.Progress()
        self._paper = paper
        self.measured = False
        if details is not None:
            report.write(details, "")

    def measure(self, name: str) -> None:
        """Ask one engine everything; an engine that is not there is said to be missing."""
        try:
            with enter(name, self._config, self._providers) as entrant:
                for each in self._sets:
                    if each.samples:
                        self._measure(entrant, each)
        except Missing as error:
            why = " ".join(str(error).split())
            self._paper.lack(name, why)
            self._progress.done(f"{name} is missing: {why}")

    def _measure(self, entrant: Entrant, chosen: ImageSet) -> None:
        trials: list[Trial] = []
        try:
            for sample in chosen.samples:
                trials.append(ask(entrant.gateway, sample))
                self._progress.step(f"{entrant.name} {chosen.name} {len(trials)}/{len(chosen.samples)}")
                self._log(entrant, chosen, trials[-1])
        finally:
            if trials:
                self._sum_up(entrant, chosen, trials)

    def _sum_up(self, entrant: Entrant, chosen: ImageSet, trials: Sequence[Trial]) -> None:
        figures = summary(trials)
        self._paper.add(
            {
                "engine": entrant.name,
                "label": entrant.label,
                "set": chosen.name,
                "measured": _now(),
                "whole": len(trials) == len(chosen.samples),
                "unlabelled": self._left_out[chosen.name],
                **figures,
            }
        )
        self.measured = True
        told = f"{entrant.name} {chosen.name}: {len(trials)} images, CER {figures['cer_micro']}"
        told += f", recall {figures['recall']}, {figures['seconds_median']} s/image {figures['errors'] or ''}"
        self._progress.done(told.rstrip())

    def _log(self, entrant: Entrant, chosen: ImageSet, trial: Trial) -> None:
        if self._details is not None:
            with self._details.open("a", encoding="utf-8") as log:
                entry = {"engine": entrant.name, "set": chosen.name, **trial.to_dict()}
                log.write(json.dumps(entry, ensure_ascii=False) + "\n")


def markdown(document: Mapping[str, Any]) -> str:
    """The result file as a table, set by set."""
    rows = [
        (
            row["set"],
            row["label"],
            row["n"] if row["whole"] else f"{row['n']} (interrupted)",
            row["cer_micro"],
            row["cer_mean"],
            row["cer_mean_capped"],
            row["recall"],
            None if row["exact"] is None else f"{row['exact']}/{row['exact_of']}",
            row["seconds_median"],
            ", ".join(f"{kind} ×{count}" for kind, count in row["errors"].items()) or None,
        )
        for row in document["results"]
    ]
    parts = [
        "# Accuracy",
        f"`{document['command']}`, {document['measured']}.",
        report.machine_line(document["machine"]),
    ]
    if not document["complete"]:
        parts.append("**Ended early: not everything was measured.**")
    parts += [f"Missing: {name}: {why}" for name, why in document["missing"].items()]
    parts.append("What the columns mean: benchmarks/metric.py. A dash: nothing to measure, or no answer at all.")
    return "\n\n".join([*parts, report.table(_HEAD, rows)]) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/accuracy.py", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder of sets, or one set: images/ and truth.jsonl")
    parser.add_argument("--engines", type=_names, metavar="A,B", help=f"default: {','.join(ENGINES)}, or --config's")
    parser.add_argument("--sets", type=_names, metavar="A,B", help="default: all")
    parser.add_argument("--limit", type=_count, metavar="N", help="at most N images of each set, the first ones")
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML to take the engines' settings from")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: benchmarks/results/accuracy.json")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="default: beside --out, ending in .md")
    parser.add_argument("--keep", action="store_true", help="keep what --out has of other engines and sets")
    parser.add_argument("--details", type=Path, metavar="FILE", help="every image with its reading, as JSON lines")
    parser.add_argument("--robustness", action="store_true", help="every image through Gateway.default(), no metrics")
    parser.add_argument("--hang", type=float, default=600.0, metavar="S", help="seconds after which an image has hung")
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("name at least one")
    return names


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1, got {text!r}")
    return int(text)


def _load(path: Path | None) -> Settings | None:
    if path is None:
        return None
    from ocrgate.config import load as load_config

    return load_config(path)


def _now() -> str:
    return dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _refuse(why: str) -> int:
    print(f"accuracy: {why}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
