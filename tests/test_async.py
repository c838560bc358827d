"""`arecognize`: many calls on one loop, and giving one up stops its engine and nothing else."""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import gc
import logging
import sys
import threading
from collections.abc import Coroutine, Iterator
from threading import Event, Lock
from typing import Any, TypeVar

import pytest

from ocrgate import AllProvidersFailed, Gateway, InvalidImage, Line, NoValidResult, OCRError, Page, Result, awaiting
from ocrgate.awaiting import in_thread
from ocrgate.cancel import Cancellation
from ocrgate.clock import SYSTEM_CLOCK, Deadline
from ocrgate.crew import Crew
from ocrgate.provider import Capabilities, Request
from ocrgate.settings import AcceptSettings, BreakerSettings, RuleSettings
from ocrgate.testing import ScriptedProvider, fails
from tests.houses import house, picture
from tests.lane.processes import eventually

CALLS = 200
PATIENCE = 20.0
PATIENT = {"*": {"timeout": 60.0, "queue": CALLS, "breaker": BreakerSettings(slow_call=60.0)}}
T = TypeVar("T")


def awaited() -> int:
    """Threads that run an awaited call, or wait for one."""
    return sum(thread.name == awaiting._crew.name for thread in threading.enumerate())


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` with a limit, so that a call that never ends fails its test."""
    return asyncio.run(asyncio.wait_for(main, 3 * PATIENCE))


class Desk:
    """An engine whose calls end when the test says so, or when they are given up.

    Attributes:
        provider: to be put into a gateway.
        inside: widths of the images that are being read.
        given_up: widths of the images that nobody waits for any more.
    """

    def __init__(self, lanes: int = CALLS) -> None:
        self.provider = ScriptedProvider("engine", self._read, capabilities=Capabilities(lanes=lanes))
        self.inside: set[int] = set()
        self.given_up: set[int] = set()
        self._ends: dict[int, Event] = {}
        self._lock = Lock()

    def _read(self, request: Request, deadline: Deadline) -> Page:
        end = Event()

        def give_up() -> None:
            self.given_up.add(request.width)
            end.set()

        request.on_cancel(give_up)
        with self._lock:
            self._ends[request.width] = end
            self.inside.add(request.width)
        assert end.wait(PATIENCE)
        return Page(lines=(Line(f"image {request.width}"),))

    async def full(self, number: int) -> None:
        """Wait until so many images are being read."""
        while len(self.inside) < number:
            await asyncio.sleep(0.002)

    def finish(self, *widths: int) -> None:
        """Let the engine answer; all of them when none is named."""
        for width in widths or tuple(self._ends):
            self._ends[width].set()


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.finish()


def front(desk: Desk) -> Gateway:
    return house(desk.provider, clock=SYSTEM_CLOCK, deadline=60.0, settings=PATIENT)


def test_200_calls_are_at_their_engine_at_once_while_the_loop_goes_on(desk: Desk) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async def main(gateway: Gateway) -> list[Result]:
        ticker = asyncio.create_task(tick())
        calls = [asyncio.create_task(gateway.arecognize(picture(60 + number))) for number in range(CALLS)]
        await desk.full(CALLS)
        before = ticks
        for _ in range(100):
            await asyncio.sleep(0)
        assert ticks >= before + 100, "nothing that waits for an engine holds the loop"
        desk.finish()
        found = await asyncio.gather(*calls)
        ticker.cancel()
        return found

    with front(desk) as gateway:
        found = run(main(gateway))
    assert [result.text for result in found] == [f"image {60 + number}" for number in range(CALLS)]
    assert desk.given_up == set()


def test_200_calls_share_one_lane() -> None:
    provider = ScriptedProvider("engine", "text", capabilities=Capabilities(lanes=1))

    async def main(gateway: Gateway) -> list[Result]:
        return await asyncio.gather(*[gateway.arecognize(picture(60 + number)) for number in range(CALLS)])

    with house(provider, clock=SYSTEM_CLOCK, deadline=60.0, settings=PATIENT) as gateway:
        assert [result.text for result in run(main(gateway))] == ["text"] * CALLS


def test_cancelling_one_call_stops_its_engine_and_no_other(desk: Desk) -> None:
    async def main(gateway: Gateway) -> list[Result | BaseException]:
        calls = [asyncio.create_task(gateway.arecognize(picture(60 + number))) for number in range(20)]
        await desk.full(20)
        calls[7].cancel()
        with pytest.raises(asyncio.CancelledError):
            await calls[7]
        assert eventually(lambda: desk.given_up == {67})
        desk.finish()
        return await asyncio.gather(*calls, return_exceptions=True)

    with front(desk) as gateway:
        found = run(main(gateway))
    assert isinstance(found.pop(7), asyncio.CancelledError)
    assert len({result.text for result in found if isinstance(result, Result)}) == 19
    assert desk.given_up == {67}


def test_cancelling_all_calls_frees_every_lane(desk: Desk) -> None:
    async def main(gateway: Gateway) -> str:
        calls = asyncio.gather(*[gateway.arecognize(picture(60 + number)) for number in range(CALLS)])
        await desk.full(CALLS)
        calls.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calls
        while gateway.status()["engine"]["lanes"]["in_use"]:
            await asyncio.sleep(0.002)
        again = asyncio.create_task(gateway.arecognize(picture(50)))
        while 50 not in desk.inside:
            await asyncio.sleep(0.002)
        desk.finish(50)
        return (await again).text

    with front(desk) as gateway:
        assert run(main(gateway)) == "image 50"
        assert gateway.status()["engine"]["breaker"] == "closed"
    assert desk.given_up == {60 + number for number in range(CALLS)}


def test_a_call_that_is_cancelled_while_it_waits_for_a_lane_never_reaches_the_engine() -> None:
    desk = Desk(lanes=1)

    async def main(gateway: Gateway) -> None:
        first = asyncio.create_task(gateway.arecognize(picture(60)))
        await desk.full(1)
        second = asyncio.create_task(gateway.arecognize(picture(61)))
        third = asyncio.create_task(gateway.arecognize(picture(62)))
        for _ in range(50):
            await asyncio.sleep(0.001)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        desk.finish(60)
        assert (await first).text == "image 60"
        await desk.full(2)
        desk.finish(62)
        assert (await third).text == "image 62"

    with front(desk) as gateway:
        run(main(gateway))
    assert desk.inside == {60, 62}


def test_a_task_that_is_cancelled_before_it_ran_asks_nobody(desk: Desk) -> None:
    async def main(gateway: Gateway) -> None:
        task = asyncio.create_task(gateway.arecognize(picture()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with front(desk) as gateway:
        run(main(gateway))
    assert desk.provider.requests == []


def test_a_time_limit_of_asyncio_stops_the_engine(desk: Desk) -> None:
    async def main(gateway: Gateway) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(gateway.arecognize(picture(60)), 0.1)
        assert eventually(lambda: desk.given_up == {60})

    with front(desk) as gateway:
        run(main(gateway))


if sys.version_info >= (3, 11):

    def test_a_task_group_whose_one_member_fails_stops_the_engines_of_the_others(desk: Desk) -> None:
        async def junk(gateway: Gateway) -> None:
            await desk.full(3)
            await gateway.arecognize(b"junk")

        async def main(gateway: Gateway) -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(3):
                    group.create_task(gateway.arecognize(picture(60 + number)))
                group.create_task(junk(gateway))

        with front(desk) as gateway:
            with pytest.raises(builtins.ExceptionGroup) as group:
                run(main(gateway))
            assert [type(error) for error in group.value.exceptions] == [InvalidImage]
            assert eventually(lambda: desk.given_up == {60, 61, 62})

    def test_a_timeout_block_stops_the_engine(desk: Desk) -> None:
        async def main(gateway: Gateway) -> None:
            async with asyncio.timeout(0.1):
                await gateway.arecognize(picture(70))

        with front(desk) as gateway:
            with pytest.raises(TimeoutError):
                run(main(gateway))
            assert eventually(lambda: desk.given_up == {70})


def test_a_program_that_ends_its_loop_stops_the_engines_that_it_left_at_work(desk: Desk) -> None:
    left: list[asyncio.Task[Result]] = []

    async def main(gateway: Gateway) -> None:
        left.append(asyncio.create_task(gateway.arecognize(picture(60))))
        await desk.full(1)

    with front(desk) as gateway:
        run(main(gateway))
        assert eventually(lambda: desk.given_up == {60})
    assert left[0].cancelled()


def test_an_answer_for_a_loop_that_was_closed_is_dropped_without_a_word(
    desk: Desk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with front(desk) as gateway:
        loop = asyncio.new_event_loop()
        task = loop.create_task(gateway.arecognize(picture(60)))
        loop.run_until_complete(desk.full(1))
        loop.close()
        desk.finish()
        assert eventually(lambda: awaited() == len(awaiting._crew._waiting))
        assert caplog.records == []
        with caplog.at_level(logging.CRITICAL, "asyncio"):  # that a pending task was destroyed, which is meant here
            del task
            gc.collect()
    assert capsys.readouterr() == ("", "")


def test_errors_arrive_as_they_are() -> None:
    rules = AcceptSettings(rules=(RuleSettings("total", "TOTAL", required=True),))
    with house(ScriptedProvider("engine", fails("282000"), "text"), accept=rules) as gateway:
        with pytest.raises(InvalidImage):
            run(gateway.arecognize(b"junk"))
        with pytest.raises(AllProvidersFailed) as failed:
            run(gateway.arecognize(picture()))
        with pytest.raises(NoValidResult) as rejected:
            run(gateway.arecognize(picture()))
    assert [attempt.outcome for attempt in failed.value.attempts] == ["failed"]
    assert rejected.value.best.text == "text"
    with pytest.raises(OCRError, match="closed"):
        run(gateway.arecognize(picture()))


@pytest.mark.parametrize("error", [StopIteration("over"), StopAsyncIteration("over"), GeneratorExit(), SystemExit(3)])
def test_whatever_is_raised_in_the_thread_ends_the_call(error: BaseException) -> None:
    def work(_cancel: Cancellation) -> None:
        raise error

    async def main() -> BaseException:
        try:
            await in_thread(work)
        except BaseException as found:
            return found
        raise AssertionError("nothing was raised")

    async def outer() -> BaseException:
        return await asyncio.wait_for(asyncio.shield(asyncio.create_task(main())), PATIENCE)

    found = asyncio.run(outer())
    if isinstance(error, StopIteration):
        assert (type(found), found.__cause__) == (RuntimeError, error)
    else:
        assert found is error


@pytest.mark.thorough
def test_1000_calls_one_after_the_other_leave_no_thread() -> None:
    async def main(gateway: Gateway) -> int:
        image, most = picture(), 0
        for _ in range(1000):
            await gateway.arecognize(image)
            most = max(most, awaited())
        return most

    assert eventually(lambda: not awaited())
    with house(ScriptedProvider("engine", "text")) as gateway:
        assert run(main(gateway)) <= 8, "the same few again and again"
    assert eventually(lambda: not awaited())


def test_the_context_of_the_caller_is_there_in_the_engine_call() -> None:
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")

    async def main() -> str:
        tenant.set("acme")
        return await in_thread(lambda _cancel: tenant.get())

    assert run(main()) == "acme"


def test_two_loops_in_two_threads_use_one_gateway(desk: Desk) -> None:
    async def main(gateway: Gateway, width: int) -> str:
        return (await gateway.arecognize(picture(width))).text

    found: list[str] = []
    with front(desk) as gateway:
        threads = [
            threading.Thread(target=lambda width=width: found.append(run(main(gateway, width)))) for width in (60, 61)
        ]
        for thread in threads:
            thread.start()
        assert eventually(lambda: desk.inside == {60, 61})
        desk.finish()
        for thread in threads:
            thread.join(PATIENCE)
    assert sorted(found) == ["image 60", "image 61"]


def test_a_machine_without_threads_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, "_crew", Crew("none"))

    async def main() -> None:
        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            await in_thread(lambda _cancel: 1)
        monkeypatch.undo()

    asyncio.run(main())
