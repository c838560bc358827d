"""Many images at once, and only a few of them in memory."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from threading import Barrier, Event

import pytest

from ocrgate import Failure, Line, Page, Result
from ocrgate.clock import Deadline
from ocrgate.many import recognize_many
from ocrgate.provider import Request
from ocrgate.testing import ScriptedProvider
from tests.houses import house, picture
from tests.lane.processes import eventually

PATIENCE = 20.0


class Stocked:
    """An image, as far as this is about holding it."""


class Stock:
    """Images that are made when they are asked for, and counted as long as somebody holds them.

    Attributes:
        made: so far.
        most: that were alive at once.
    """

    def __init__(self) -> None:
        self._alive: weakref.WeakSet[Stocked] = weakref.WeakSet()
        self.made = 0
        self.most = 0

    def images(self, number: int) -> Iterator[Stocked]:
        for _ in range(number):
            image = Stocked()
            self._alive.add(image)
            self.made += 1
            self.most = max(self.most, len(self._alive))
            yield image
            del image

    @property
    def alive(self) -> int:
        return len(self._alive)


def result() -> Result:
    return Result(pages=(), provider="engine")


def nothing() -> None:
    return None


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_than_two_images_a_worker_are_alive(workers: int, ordered: bool) -> None:
    stock = Stock()

    def recognize(image: object) -> Result:
        return result()

    answers = recognize_many(recognize, nothing, stock.images(200), workers=workers, ordered=ordered)
    assert sum(1 for _ in answers) == 200
    assert stock.made == 200
    assert stock.most <= 2 * workers
    assert stock.alive == 0


def test_one_that_takes_its_time_keeps_nobody_else_waiting_and_holds_no_other_image() -> None:
    stock, go = Stock(), Event()
    number = itertools.count()

    def recognize(image: object) -> Result:
        if next(number) == 0:
            go.wait(PATIENCE)
        return result()

    answers = recognize_many(recognize, nothing, stock.images(50), workers=4, ordered=False)
    for _ in range(49):
        next(answers)
    assert eventually(lambda: stock.alive == 1)
    go.set()
    assert [type(answer) for answer in answers] == [Result]
    assert stock.most <= 2 * 4


def test_what_an_answered_image_was_is_not_held_while_the_next_is_waited_for() -> None:
    stock, inside, go = Stock(), Event(), Event()
    number = itertools.count()

    def recognize(image: object) -> Result:
        if next(number) == 1:
            inside.set()
            go.wait(PATIENCE)
        return result()

    answers = recognize_many(recognize, nothing, stock.images(2), workers=1, ordered=True)
    next(answers)
    assert inside.wait(PATIENCE)
    assert eventually(lambda: stock.alive == 1)
    go.set()
    assert len(list(answers)) == 1


def test_more_workers_than_images() -> None:
    engine = ScriptedProvider("engine", "text")
    with house(engine) as gateway:
        answers = list(gateway.recognize_many(map(picture, range(60, 63)), workers=50))
        assert [answer.text for answer in answers if isinstance(answer, Result)] == ["text"] * 3
        assert list(gateway.recognize_many([], workers=50)) == []
    assert len(engine.requests) == 3


def test_as_many_images_are_read_at_once_as_there_are_workers() -> None:
    inside = Barrier(6)

    def engine(request: Request, _deadline: Deadline) -> Page:
        inside.wait(PATIENCE)
        return Page(lines=(Line("text"),))

    with house(ScriptedProvider("engine", engine)) as gateway:
        answers = list(gateway.recognize_many(map(picture, range(60, 72)), workers=6))
    assert [type(answer) for answer in answers] == [Result] * 12


@pytest.mark.parametrize("ordered", [True, False])
def test_an_input_that_fails_is_told_after_the_answers_to_all_that_came_before(ordered: bool) -> None:
    def images() -> Iterator[bytes]:
        yield picture()
        yield b"junk"
        yield picture()
        raise PermissionError("the folder is gone")

    with house(ScriptedProvider("engine", "text")) as gateway:
        answers = gateway.recognize_many(images(), workers=2, ordered=ordered)
        kinds = [type(next(answers)) for _ in range(3)]
        with pytest.raises(PermissionError, match="the folder is gone"):
            next(answers)
        with pytest.raises(StopIteration):
            next(answers)
    assert Counter(kinds) == {Result: 2, Failure: 1}
    assert kinds[1] is Failure or not ordered


def test_giving_up_early_stops_those_at_work_and_begins_no_other() -> None:
    inside, stopped = Barrier(4), []

    def engine(request: Request, deadline: Deadline) -> Page:
        freed = Event()
        request.on_cancel(freed.set)
        if request.width != 60:
            inside.wait(PATIENCE)
            assert freed.wait(PATIENCE)
            stopped.append(request)
        return Page(lines=(Line("text"),))

    provider = ScriptedProvider("engine", engine)
    with house(provider) as gateway:
        answers = gateway.recognize_many(map(picture, range(60, 100)), workers=3)
        next(answers)
        inside.wait(PATIENCE)
        answers.close()  # type: ignore[attr-defined]
        assert eventually(lambda: len(stopped) == 3)
    assert len(provider.requests) == 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ocrgate-many")]


def test_a_caller_that_is_interrupted_stops_those_at_work() -> None:
    asked, stopped = Event(), Event()

    def engine(request: Request, deadline: Deadline) -> Page:
        if request.width == 60:
            return Page(lines=(Line("text"),))
        request.on_cancel(stopped.set)
        asked.set()
        stopped.wait(PATIENCE)
        return Page()

    def interrupted(answers: Iterator[Result | Failure]) -> None:
        for _ in answers:
            assert asked.wait(PATIENCE)
            raise KeyboardInterrupt

    with house(ScriptedProvider("engine", engine)) as gateway:
        with pytest.raises(KeyboardInterrupt):
            interrupted(gateway.recognize_many([picture(60), picture(70)], workers=2))
        assert stopped.wait(PATIENCE), "an iterator that nobody holds any more is closed"


def test_an_input_that_is_interrupted_stops_those_at_work_at_once() -> None:
    stopped, asked = Event(), Event()

    def engine(request: Request, deadline: Deadline) -> Page:
        request.on_cancel(stopped.set)
        asked.set()
        stopped.wait(PATIENCE)
        return Page()

    def images() -> Iterator[bytes]:
        yield picture()
        assert asked.wait(PATIENCE)
        raise KeyboardInterrupt

    with house(ScriptedProvider("engine", engine)) as gateway:
        with pytest.raises(KeyboardInterrupt):
            next(gateway.recognize_many(images(), workers=2))
        assert stopped.is_set()
