"""The conformance suite: what the gateway relies on in every adapter, asked of one."""

from __future__ import annotations

import importlib
import io
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ocrgate.ability import Versioned
from ocrgate.clock import Deadline
from ocrgate.errors import ProviderError
from ocrgate.key import Key
from ocrgate.page import Line, Page, Word
from ocrgate.provider import RAW, Capabilities, Provider, Readiness, Request

_SIZE = (480, 96)
_TIME = 120.0


def check_provider(provider: Provider) -> tuple[str, ...]:
    """Ask an adapter everything that the gateway relies on.

    The engine is really asked, about a dozen times, so one in the cloud is asked with a simulator behind it.

    Args:
        provider: ready to be asked.

    Returns:
        The names of the checks, all of which were passed.

    Raises:
        AssertionError: naming every check that was not passed, and why.
    """
    suite = _Suite(provider)
    failures = []
    for name, check in _CHECKS:
        try:
            check(suite)
        except Exception as error:  # noqa: BLE001 - whatever an adapter raises is a finding
            failures.append(f"{name}: {type(error).__name__}: {error}")
    assert not failures, "the adapter does not conform:\n" + "\n".join(failures)
    return tuple(name for name, _ in _CHECKS)


@dataclass(frozen=True)
class _Suite:
    provider: Provider

    def request(self, text: str = "ocrgate 2468", size: tuple[int, int] = _SIZE) -> Request:
        from PIL import Image, ImageDraw, ImageFont

        image = Image.new("RGB", size, "white")
        if text:
            ImageDraw.Draw(image).text((24, 20), text, "black", ImageFont.load_default(44))
        wanted = self.provider.capabilities.limits.formats[0]
        data = image.tobytes()
        if wanted != RAW:
            buffer = io.BytesIO()
            image.save(buffer, wanted)
            data = buffer.getvalue()
        keys = self.provider.keys
        return Request(data, wanted, *size, key=keys[0].name if keys else None, request_id="conformance")

    def read(self, request: Request) -> Page:
        page = self.provider.recognize(request, Deadline.after(_TIME))
        assert isinstance(page, Page), f"recognize returned {type(page).__name__}, not a Page"
        return page

    def read_or_fail(self, request: Request, deadline: Deadline | None = None) -> None:
        try:
            page = self.provider.recognize(request, deadline or Deadline.after(_TIME))
        except ProviderError as error:
            assert error.diagnosis.code, "the diagnosis has no code"  # noqa: PT017 - this is no test of pytest's
            pickle.loads(pickle.dumps(error))
        else:
            assert isinstance(page, Page), f"recognize returned {type(page).__name__}, not a Page"


def _shape(suite: _Suite) -> None:
    provider = suite.provider
    assert isinstance(provider, Provider), "a method or attribute of Provider is missing"
    assert isinstance(provider.name, str), "name is a text"
    assert provider.name, "name is empty"
    assert isinstance(provider.capabilities, Capabilities), "capabilities is not a Capabilities"
    assert all(isinstance(key, Key) for key in provider.keys), "keys holds something else than Key"
    assert len({key.name for key in provider.keys}) == len(provider.keys), "two keys have the same name"


def _readiness(suite: _Suite) -> None:
    readiness = suite.provider.check()
    assert isinstance(readiness, Readiness), "check() does not return a Readiness"
    assert readiness.ready, f"not ready here: {readiness.detail} {readiness.remedy}"


def _warm_up(suite: _Suite) -> None:
    suite.provider.warm_up()
    suite.provider.warm_up()


def _revision(suite: _Suite) -> None:
    if not hasattr(suite.provider, "revision"):
        return
    assert isinstance(suite.provider, Versioned)
    first, again = suite.provider.revision, suite.provider.revision
    assert isinstance(first, str), f"revision is {type(first).__name__}, not a text"
    assert first == again, "revision is another one each time it is asked for"


def _reads(suite: _Suite) -> None:
    page = suite.read(suite.request())
    assert any(any(character.isalnum() for character in line.text) for line in page.lines), (
        "read nothing on a clear line of text"
    )


def _geometry(suite: _Suite) -> None:
    request = suite.request()
    page = suite.read(request)
    if suite.provider.capabilities.polygons:
        assert all(line.polygon is not None for line in page.lines), "says that it has polygons, but a line has none"
    parts: list[Line | Word] = [*page.lines, *(word for line in page.lines for word in line.words)]
    for polygon in (part.polygon for part in parts):
        if polygon is not None:
            for x, y in polygon:
                assert -1 <= x <= request.width + 1, f"x {x} is outside of the image"
                assert -1 <= y <= request.height + 1, f"y {y} is outside of the image"


def _confidence(suite: _Suite) -> None:
    page = suite.read(suite.request())
    given = [line.confidence is not None for line in page.lines]
    if not suite.provider.capabilities.confidence:
        assert not any(given), "says that it gives no confidence, but a line has one"


def _lines(suite: _Suite) -> None:
    for line in suite.read(suite.request()).lines:
        assert isinstance(line.text, str), "the text of a line is not a text"
        assert "\n" not in line.text, "a line holds a line break"
        assert line.text.strip(), "a line holds white space only"


def _blank(suite: _Suite) -> None:
    suite.read(suite.request(""))


def _again(suite: _Suite) -> None:
    request = suite.request()
    assert suite.read(request).text == suite.read(request).text, "the same request gave two different texts"


def _threads(suite: _Suite) -> None:
    request = suite.request()
    alone = suite.read(request).text
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: suite.read(request).text, range(4)))
    assert together == [alone] * 4, "four threads at once gave other texts than one alone"


def _small(suite: _Suite) -> None:
    side = max(1, suite.provider.capabilities.limits.min_side)
    suite.read_or_fail(suite.request("", (side, side)))


def _garbage(suite: _Suite) -> None:
    request = suite.request()
    for data in (b"", b"not an image", request.data[: len(request.data) // 2]):
        suite.read_or_fail(replace(request, data=data))


def _strange_request(suite: _Suite) -> None:
    suite.read_or_fail(replace(suite.request(), languages=("x-unknown",)))
    suite.read_or_fail(replace(suite.request(), options={"no such option": object}))


def _no_time(suite: _Suite) -> None:
    suite.read_or_fail(suite.request(), Deadline.after(0.0))


def _portable(suite: _Suite) -> None:
    page = suite.read(suite.request())
    assert pickle.loads(pickle.dumps(page)) == page, "the page does not survive pickling"
    if suite.provider.capabilities.isolation == "process":
        kind = type(suite.provider)
        found = getattr(importlib.import_module(kind.__module__), kind.__qualname__, None)
        assert found is kind, "a worker process cannot import the class by its name"


def _close(suite: _Suite) -> None:
    suite.provider.close()
    suite.provider.close()


_CHECKS: tuple[tuple[str, Callable[[_Suite], None]], ...] = (
    ("it has the shape of a Provider", _shape),
    ("it is ready", _readiness),
    ("it warms up, twice", _warm_up),
    ("its revision is a text that stays", _revision),
    ("it reads a line of text", _reads),
    ("its polygons lie on the image", _geometry),
    ("its confidence is what its capabilities say", _confidence),
    ("its lines are lines", _lines),
    ("a blank image is an answer", _blank),
    ("a request can be sent again", _again),
    ("it can be asked by several threads", _threads),
    ("the smallest image does not break it", _small),
    ("garbage is a ProviderError", _garbage),
    ("a strange request is a ProviderError or a page", _strange_request),
    ("no time left is a ProviderError or a page", _no_time),
    ("its answers can leave the process", _portable),
    ("it can be closed twice", _close),
)
