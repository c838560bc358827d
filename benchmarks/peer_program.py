"""Runs in an interpreter of its own, where other gateways are installed, and asks them what it is told to.

On standard input comes one JSON object a line: `{"way": NAME, "calls": N}` for the seconds of each call and the
processor seconds of all, or `{"way": NAME, "seconds": S, "threads": N}` for calls a second. Each is answered by a line
on standard output, whose first line tells who is here. Nothing of this project is imported: it is not installed there.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

TEXT = "TOTAL 5.50"


def litellm() -> Callable[[], object]:
    """LiteLLM's Router before a provider of one's own that answers at once."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else the import waits for a price list from the network
    import litellm as library  # type: ignore[import-not-found, unused-ignore]

    class Idle(library.CustomLLM):  # type: ignore[misc, name-defined, unused-ignore]
        def completion(self, *_args: Any, **words: Any) -> Any:
            reply = words["model_response"]
            reply.choices[0].message.content = TEXT
            return reply

    library.suppress_debug_info = True
    library.custom_provider_map = [{"provider": "idle", "custom_handler": Idle()}]
    model = {"model_name": "ocr", "litellm_params": {"model": "idle/ocr"}}
    router = library.Router(model_list=[model], num_retries=2, timeout=15)
    messages = [{"role": "user", "content": "read"}]

    def call() -> object:
        text = router.completion("ocr", messages).choices[0].message.content
        if text != TEXT:
            raise RuntimeError(f"litellm read {text!r}")
        return text

    return call


def ocrroute() -> Callable[[], object]:
    """ocrroute's executor before an engine of one's own that answers at once; its cache is off."""
    os.environ.update(OCRROUTE_HOME=os.environ["PEER_FOLDER"], OCRROUTE_AUTO_SEED_PROVIDERS="false")
    os.environ["OCRROUTE_LOG_LEVEL"] = "ERROR"
    from ocrroute.config import getSettings  # type: ignore[import-not-found, unused-ignore]
    from ocrroute.enginelib import OCRPlugin  # type: ignore[import-not-found, unused-ignore]
    from ocrroute.pipeline.input import loadInput  # type: ignore[import-not-found, unused-ignore]
    from ocrroute.runtime.context import buildContext  # type: ignore[import-not-found, unused-ignore]
    from ocrroute.runtime.executor import OcrRequest  # type: ignore[import-not-found, unused-ignore]

    class IdleEngine(OCRPlugin):  # type: ignore[misc, unused-ignore]
        """Answers at once."""

        def parse(self, *_args: Any, **_words: Any) -> Any:
            return self.buildResult([self.makeWord(word, 4, 4, 40, 16) for word in TEXT.split()])

    settings = getSettings()
    from ocrroute.catalog.registry import getRegistry  # type: ignore[import-not-found, unused-ignore]

    getRegistry().register(IdleEngine, quality_score=1.0)
    context = buildContext(settings)
    image = _small_png()

    def call() -> object:
        document = loadInput(settings, file_bytes=image)
        outcome = context.executor.execute(OcrRequest(doc=document, engine="IdleEngine", output=[], cache=False))
        if outcome.status != "succeeded":
            raise RuntimeError(f"ocrroute: {outcome.status} {outcome.error_message}")
        return outcome

    return call


def _small_png() -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (96, 32), "white")
    ImageDraw.Draw(image).text((6, 8), TEXT, fill="black")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


PEERS: dict[str, Callable[[], Callable[[], object]]] = {"litellm": litellm, "ocrroute": ocrroute}


def block(call: Callable[[], object], calls: int) -> dict[str, Any]:
    """Seconds of each call, and processor seconds of all of them."""
    taken, used = [], time.process_time()
    for _ in range(calls):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return {"seconds": taken, "cpu": time.process_time() - used}


def rate(call: Callable[[], object], seconds: float, threads: int) -> float:
    """Calls a second from several threads at once."""
    counts, until = [0] * threads, time.perf_counter() + seconds
    failures: list[BaseException] = []

    def work(place: int) -> None:
        try:
            while time.perf_counter() < until:
                call()
                counts[place] += 1
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(threads)]
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]
    return sum(counts) / (time.perf_counter() - begun)


def main() -> None:
    """Tell who is here, then answer until standard input ends."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    logging.disable(logging.CRITICAL)
    ways: dict[str, Callable[[], object]] = {}
    here: dict[str, dict[str, str]] = {}
    for name, build in PEERS.items():
        try:
            with contextlib.redirect_stdout(sys.stderr):
                call = build()
                call()
        except Exception as error:
            missing = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == name
            here[name] = {"problem": "not installed" if missing else f"{type(error).__name__}: {error}"[:300]}
        else:
            ways[name] = call
            here[name] = {"version": importlib.metadata.version(name)}
    _tell(told, {"peers": here})
    for line in sys.stdin:
        wanted = json.loads(line)
        call = ways[wanted["way"]]
        if "calls" in wanted:
            _tell(told, block(call, wanted["calls"]))
        else:
            _tell(told, {"rate": rate(call, wanted["seconds"], wanted["threads"])})


def _tell(stream: Any, answer: dict[str, Any]) -> None:
    stream.write(json.dumps(answer) + "\n")
    stream.flush()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # their threads need not be waited for
