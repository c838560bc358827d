"""Whether every input, however hostile, ends in a result or in one clear `InvalidImage`: no other error, no hang, no
swollen process. The mode `--robustness` of accuracy.py."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, report
from benchmarks.corpus import ImageSet, Sample
from ocrgate import ConfigError, Gateway, InvalidImage
from ocrgate.provider import Provider
from ocrgate.settings import AcceptSettings, ProviderSettings, RouteSettings, Settings

RSS_LIMIT = 1 << 30
"""Bytes of memory the process of the caller may grow to."""

_SLOWEST = 10


@dataclass(frozen=True, slots=True)
class Ending:
    """How one image ended.

    Attributes:
        set, image: which.
        category: of a hostile or odd input, or empty.
        outcome: `Result`, `InvalidImage`, `hang`, or the name of another exception.
        detail: the engine that answered, or the reason of the error.
        valid, blank: of a result.
        seconds: wall time.
        unexpected: whether the corpus says that the input decodes and it was refused, or the other way round.
    """

    set: str
    image: str
    category: str
    outcome: str
    detail: str
    valid: bool | None
    blank: bool | None
    seconds: float
    unexpected: bool

    @property
    def fine(self) -> bool:
        """Whether the promise was kept."""
        return self.outcome in ("Result", "InvalidImage")


def main(
    sets: Sequence[ImageSet],
    words: Sequence[str],
    out: Path,
    hang: float = 600.0,
    providers: Mapping[str, Provider] | None = None,
) -> int:
    """Run every image of the sets through `Gateway.default()` and write the result file.

    Args:
        sets: what to read; samples without a truth are read, too.
        words: of the command line.
        out: the result file.
        hang: seconds after which an image has hung.
        providers: adapters to ask instead of those of `Gateway.default()`, in this order.

    Returns:
        0; 1 when an image ended in anything else or the process grew beyond 1 GiB; 2 when there is no engine; 130
        when interrupted.
    """
    progress, endings, complete = report.Progress(), [], True
    try:
        gateway = _gateway(providers)
    except ConfigError as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return 2
    with gateway:
        try:
            for chosen in sets:
                for number, sample in enumerate(chosen.samples, 1):
                    ending = _end(gateway, chosen.name, sample, hang)
                    endings.append(ending)
                    progress.step(f"{chosen.name} {number}/{len(chosen.samples)}")
                    if not ending.fine:
                        progress.done(f"{chosen.name}/{sample.name}: {ending.outcome}: {ending.detail}")
                counts = Counter(ending.outcome for ending in endings if ending.set == chosen.name)
                progress.done(f"{chosen.name}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
        except KeyboardInterrupt:
            complete = False
    document = _document(endings, words, complete)
    report.write_json(out, document)
    progress.done(
        f"{len(endings)} images, {len(document['failures'])} failures, slowest "
        f"{max((ending.seconds for ending in endings), default=0.0):.1f} s, peak {document['peak_rss_mib']:.0f} MiB"
    )
    if not complete:
        return 130
    return 1 if document["failures"] or document["peak_rss_mib"] * 2**20 > RSS_LIMIT else 0


def _gateway(providers: Mapping[str, Provider] | None) -> Gateway:
    if not providers:
        return Gateway.default()
    route = RouteSettings("default", tuple(providers), deadline=60.0, accept=AcceptSettings(on_invalid="best"))
    return Gateway(
        Settings({name: ProviderSettings(name, name) for name in providers}, {"default": route}), providers=providers
    )


def _end(gateway: Gateway, name: str, sample: Sample, hang: float) -> Ending:
    """Read one image in a thread of its own, so that a hang is seen rather than suffered."""
    answers: list[tuple[str, str, bool | None, bool | None]] = []
    thread = threading.Thread(target=lambda: answers.append(_read(gateway, sample)), name="robustness", daemon=True)
    begun = time.perf_counter()
    thread.start()
    thread.join(hang)
    seconds = time.perf_counter() - begun
    outcome, detail, valid, blank = answers[0] if answers else ("hang", f"no end after {hang:g} s", None, None)
    return Ending(
        set=name,
        image=sample.name,
        category=sample.category,
        outcome=outcome,
        detail=detail,
        valid=valid,
        blank=blank,
        seconds=round(seconds, 3),
        unexpected=sample.decodes is not None and sample.decodes != (outcome == "Result"),
    )


def _read(gateway: Gateway, sample: Sample) -> tuple[str, str, bool | None, bool | None]:
    try:
        result = gateway.recognize(sample.path)
    except InvalidImage as error:
        return "InvalidImage", error.reason.replace(str(sample.path), sample.name), None, None
    except BaseException as error:
        return type(error).__name__, str(error).replace(str(sample.path), sample.name), None, None
    return "Result", result.provider, result.valid, result.blank


def _document(endings: Sequence[Ending], words: Sequence[str], complete: bool) -> dict[str, Any]:
    slowest = sorted(endings, key=lambda ending: -ending.seconds)[:_SLOWEST]
    return {
        "schema": report.SCHEMA,
        "question": "Does every input end in a Result or an InvalidImage, without a hang, in less than 1 GiB?",
        "command": report.command("accuracy.py", words),
        "complete": complete,
        "machine": machine.describe(),
        "counts": {
            name: dict(Counter(ending.outcome for ending in endings if ending.set == name))
            for name in dict.fromkeys(ending.set for ending in endings)
        },
        "peak_rss_mib": round(peak_rss() / 2**20, 1),
        "failures": [asdict(ending) for ending in endings if not ending.fine],
        "unexpected": [asdict(ending) for ending in endings if ending.fine and ending.unexpected],
        "slowest": [{"set": each.set, "image": each.image, "seconds": each.seconds} for each in slowest],
        "images": [asdict(ending) for ending in endings],
    }


def peak_rss() -> int:
    """Bytes of memory that this process has had at most, its workers not counted.

    On Linux `getrusage` also counts what the process held before it became this program, so the kernel's own
    high-water mark is taken there.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
