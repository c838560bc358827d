"""Three ways to read a picture with the platform first: the SDK alone, what is written around it by hand, ocrgate."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import numbered
from benchmarks.timeline import Pace
from ocrgate import Gateway
from ocrgate.config import parse
from ocrgate.errors import OCRError
from ocrgate.settings import ProviderSettings, Settings
from ocrgate.testing.simulator import SimulatedKey

KEY, SPARE = (
    SimulatedKey("first", "first-api-key", "first-secret"),
    SimulatedKey("spare", "spare-api-key", "spare-secret"),
)
_HOME = "https://aip.baidubce.com"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a caller got.

    Attributes:
        text: None when there was no answer.
        by: `cloud` or `local`; empty without an answer.
        error: name of the error, or empty.
        clear: whether an error is one of the few that a caller has to know.
    """

    text: str | None
    by: str = ""
    error: str = ""
    clear: bool = False


Read = Callable[[bytes], Reading]
Stack = Callable[[str, Pace], AbstractContextManager[Read]]
"""Called with the server's address and the times of the run."""


@contextmanager
def _client(url: str) -> Iterator[Any]:
    """The SDK with nothing changed but the address of the server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from aip import AipOcr

        client = AipOcr("1", KEY.api_key, KEY.secret_key)
        for home in type(client).__mro__:
            for name, value in vars(home).items():
                if isinstance(value, str) and value.startswith(_HOME):
                    setattr(client, name, value.replace(_HOME, url))
        yield client
        client.s.close()


def _words(reply: Mapping[str, Any]) -> str:
    if "error_code" in reply:
        raise RuntimeError(f"{reply['error_code']}: {reply.get('error_msg')}")
    return "\n".join(row["words"] for row in reply["words_result"])


@contextmanager
def sdk(url: str, _pace: Pace) -> Iterator[Read]:
    """`baidu-aip` with the time limits it has by itself, and no other engine."""
    with _client(url) as client:

        def read(image: bytes) -> Reading:
            try:
                return Reading(_words(client.accurate(image)), "cloud")
            except Exception as error:
                return Reading(None, error=type(error).__name__)

        yield read


@contextmanager
def by_hand(url: str, pace: Pace) -> Iterator[Read]:
    """Three attempts by tenacity, a breaker by pybreaker, the SDK's time limits set, and the local engine when all
    that has failed: what is usually recommended."""
    import pybreaker
    import tenacity

    with _client(url) as client:
        client.setConnectionTimeoutInMillis(int(1000 * pace.timeout))
        client.setSocketTimeoutInMillis(int(1000 * pace.timeout))
        breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=pace.open_for)
        again = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(3),
            wait=tenacity.wait_exponential(multiplier=0.01 * pace.open_for),
            retry=tenacity.retry_if_not_exception_type(pybreaker.CircuitBreakerError),
            reraise=True,
        )

        def read(image: bytes) -> Reading:
            try:
                return Reading(again(lambda: breaker.call(lambda: _words(client.accurate(image)))), "cloud")
            except Exception:
                return Reading(_local(image, pace.usual), "local")

        yield read


def _local(image: bytes, seconds: float) -> str:
    from io import BytesIO

    import PIL.Image

    time.sleep(seconds)
    with PIL.Image.open(BytesIO(image)) as opened:
        return numbered.read(opened)


def settings(url: str, pace: Pace) -> Settings:
    """The configuration that is measured: the documented example with its times in proportion to `open_for`."""
    keys = [{"name": k.name, "api_key": k.api_key, "secret_key": k.secret_key, "account": k.name} for k in (KEY, SPARE)]
    baidu = {
        "base_url": url,
        "endpoint": "accurate",
        "trust_env": False,
        "keys": keys,
        "timeout": pace.timeout,
        "retry": {"attempts": 3, "base": 0.01 * pace.open_for, "cap": 0.2 * pace.open_for},
        "breaker": {
            "window": 10,
            "minimum": 5,
            "failure_rate": 0.5,
            "slow_call": pace.slow_call,
            "slow_rate": 0.9,
            "open_for": pace.open_for,
            "successes": 2,
        },
        "lanes": 8,
    }
    rule = {"name": "number", "pattern": numbered.PATTERN, "required": True}
    route = {"providers": ["baidu"], "deadline": pace.deadline, "accept": {"rules": [rule]}}
    read = parse({"providers": {"baidu": baidu}, "routes": {"default": route}, "watch": "off"})
    local = ProviderSettings("local", "pixels", options={"seconds": pace.usual}, timeout=pace.timeout, lanes=2)
    both = replace(read.routes["default"], providers=("baidu", "local"))
    return replace(read, providers={**read.providers, "local": local}, routes={"default": both})


@contextmanager
def gateway(url: str, pace: Pace) -> Iterator[Read]:
    """ocrgate, and the local engine in worker processes."""
    with Gateway(settings(url, pace), providers={"local": numbered.PixelReader()}) as opened:
        opened.warm_up()

        def read(image: bytes) -> Reading:
            try:
                result = opened.recognize(image, deadline=pace.deadline)
            except Exception as error:
                return Reading(None, error=type(error).__name__, clear=isinstance(error, OCRError))
            return Reading(result.text, "cloud" if result.provider == "baidu" else "local")

        yield read


STACKS: Mapping[str, Stack] = {"baidu-aip": sdk, "by hand": by_hand, "ocrgate": gateway}
