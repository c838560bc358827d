"""The record of a breaker as a text, and what becomes of it when the clock is put back or forward."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.policy.breaker import State
from ocrgate.policy.circuit import Circuit
from ocrgate.policy.codec import CircuitCodec
from ocrgate.policy.window import open_window
from ocrgate.settings import BreakerMode, BreakerSettings

SETTINGS = BreakerSettings(window=20, minimum=2, open_for=30.0, growth=8.0)
TIMED = BreakerSettings(period=60.0, minimum=2, open_for=30.0)
NOW = 1_767_225_600.0
TIME = st.floats(0.0, 1e11)
COUNT = st.integers(0, 1 << 50)


@st.composite
def circuits(draw: st.DrawFn) -> Circuit:
    settings = draw(st.sampled_from([SETTINGS, TIMED]))
    window = open_window(settings)
    held = window.empty
    now = NOW
    for failed, slow, pause in draw(
        st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.0, 9.0)), max_size=30)
    ):
        now += pause
        held = window.add(held, failed, slow, now)
    return Circuit(
        settings,
        window,
        state=draw(st.sampled_from(get_args(State))),
        epoch=draw(COUNT),
        held=held,
        since=draw(TIME),
        until=draw(TIME),
        probes=draw(st.dictionaries(st.text("0123456789abcdef", max_size=16), st.tuples(TIME, TIME), max_size=4)),
        successes=draw(COUNT),
        failed_probes=draw(COUNT),
        override=draw(st.sampled_from([None, *get_args(BreakerMode)])),
        spared=draw(COUNT),
        cause=draw(st.text(max_size=40)),
        trail=draw(st.text("coh", max_size=16)),
    )


def written(circuit: Circuit) -> str:
    return CircuitCodec(circuit.settings).encode(circuit)


def read(circuit: Circuit, text: str) -> Circuit:
    # Compared with what it was written from, which has the very same window.
    return replace(CircuitCodec(circuit.settings).decode(text), window=circuit.window)


@hypothesis.settings(deadline=None)
@given(circuits())
def test_a_record_is_read_as_it_was_written_and_written_as_it_was_read(circuit: Circuit) -> None:
    text = written(circuit)
    again = read(circuit, text)
    assert again == circuit
    assert written(again) == text


@pytest.mark.parametrize("settings", [replace(SETTINGS, window=1000), TIMED])
def test_a_record_is_small_whatever_has_happened(settings: BreakerSettings) -> None:
    codec = CircuitCodec(settings)
    circuit = codec.fresh()
    now = NOW + 0.123456
    for _ in range(1000):
        for _ in range(settings.minimum):
            leave = circuit.admit(now, "f" * 16, 60.0)
            circuit.told(leave, "failure", True, now, lambda: 0.123456)
            now += 0.1
        now += 600.0
    circuit = replace(circuit, state="closed", held=settings_filled(settings, now))
    circuit.probes = {f"{number:016x}": (now, now + 65.0) for number in range(4)}
    assert len(codec.encode(circuit)) < 2048


def settings_filled(settings: BreakerSettings, now: float) -> Any:
    window = open_window(settings)
    held = window.empty
    for number in range(3000):
        held = window.add(held, True, True, now + number * 0.0299)
    return held


@hypothesis.settings(deadline=None)
@given(st.text())
def test_whatever_text_is_read_is_a_record(text: str) -> None:
    assert CircuitCodec(SETTINGS).decode(text).state in get_args(State)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "ajar"),
        ("state", []),
        ("state", None),
        ("epoch", -1),
        ("epoch", 1.5),
        ("epoch", True),
        ("epoch", "1"),
        ("successes", None),
        ("failed_probes", 1 << 60),
        ("spared", "0"),
        ("since", float("nan")),
        ("since", "0"),
        ("until", float("inf")),
        ("until", -5.0),
        ("probes", []),
        ("probes", {"a": [1.0]}),
        ("probes", {"a": [1.0, 2.0, 3.0]}),
        ("probes", {"a": [1.0, None]}),
        ("probes", {"a": "12"}),
        ("probes", None),
        ("override", "maybe"),
        ("override", {}),
        ("cause", None),
        ("trail", "coz"),
        ("trail", 5),
    ],
)
def test_what_cannot_be_a_record_is_a_fresh_one(name: str, value: object) -> None:
    codec = CircuitCodec(SETTINGS)
    circuit = replace(codec.fresh(), state="open", epoch=7)
    text = codec.encode(circuit)
    assert codec.decode(text) == circuit
    assert codec.decode(json.dumps({**json.loads(text), name: value})) == codec.fresh()
    without = {key: kept for key, kept in json.loads(text).items() if key != name}
    if name != "window":
        assert codec.decode(json.dumps(without)) == codec.fresh()


@pytest.mark.parametrize("text", ["", "null", "[]", "7", '"open"', "{", "[" * 100_000, '{"state":"open"}'])
def test_what_is_no_record_at_all_is_a_fresh_one(text: str) -> None:
    codec = CircuitCodec(SETTINGS)
    assert codec.decode(text) == codec.fresh()


@pytest.mark.parametrize(("theirs", "ours"), [(SETTINGS, TIMED), (TIMED, SETTINGS)])
def test_a_record_of_another_window_keeps_everything_but_the_window(
    theirs: BreakerSettings, ours: BreakerSettings
) -> None:
    circuit = CircuitCodec(theirs).fresh()
    circuit.told(circuit.admit(NOW, "", 60.0), "failure", False, NOW, lambda: 0.0)
    circuit.force("shadow", NOW)
    taken = CircuitCodec(ours).decode(CircuitCodec(theirs).encode(circuit))
    assert (taken.epoch, taken.override, taken.held) == (1, "shadow", open_window(ours).empty)


def opened(settings: BreakerSettings = SETTINGS, now: float = NOW) -> Circuit:
    circuit = CircuitCodec(settings).fresh()
    for _ in range(settings.minimum):
        circuit.told(circuit.admit(now, "", 60.0), "failure", False, now, lambda: 0.0)
    assert circuit.state == "open"
    return circuit


@hypothesis.settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(0.0, 30.0))
def test_no_jump_of_the_clock_keeps_it_open_longer_than_its_open_time(jump: float, elapsed: float) -> None:
    circuit = opened()
    then = NOW + elapsed + jump
    leave = circuit.glance(then)
    if leave is not None:
        assert leave.retry_in is not None
        assert leave.retry_in <= 31.0
        # Time goes on evenly after the jump.
        assert circuit.glance(then + leave.retry_in + 1e-6) is None


@pytest.mark.parametrize("back", [2.0, 60.0, 3600.0, 86_400.0])
def test_a_clock_that_is_put_back_lets_a_probe_through_at_once(back: float) -> None:
    circuit = opened()
    leave = circuit.admit(NOW - back, "probe", 60.0)
    assert leave.lease == "probe"
    assert circuit.glance(NOW - back) is not None, "and only one"


def test_clocks_that_differ_a_little_send_no_probe_too_early() -> None:
    circuit = opened()
    leave = circuit.glance(NOW - 0.5)
    assert leave is not None
    assert leave.retry_in == pytest.approx(30.5)


@pytest.mark.parametrize("jump", [-86_400.0, -3600.0, -60.0, -2.0, 60.0, 3600.0, 86_400.0])
def test_no_jump_of_the_clock_loses_the_place_of_a_probe_for_good(jump: float) -> None:
    circuit = opened()
    probed = circuit.admit(NOW + 30.0, "lost", 60.0)
    assert probed.lease == "lost"
    later = NOW + 30.0 + jump
    leave = circuit.glance(later)
    assert leave is None or leave.retry_in is not None
    wait = 0.0 if leave is None else leave.retry_in or 0.0
    assert wait <= 61.0
    assert circuit.admit(later + wait, "second", 60.0).lease == "second"
    circuit.told(probed, "failure", False, later + wait, lambda: 0.0)
    assert circuit.state == "half-open", "the place has gone to another call"


def test_a_probe_under_clocks_that_differ_a_little_keeps_its_place() -> None:
    circuit = opened()
    circuit.admit(NOW + 30.0, "first", 60.0)
    leave = circuit.glance(NOW + 29.5)
    assert leave is not None
    assert leave.refusal


def test_a_record_that_says_it_is_open_for_ever_is_open_for_as_long_as_it_may_be() -> None:
    circuit = opened()
    circuit.until = NOW + 1e9
    leave = circuit.glance(NOW)
    assert leave is not None
    assert leave.retry_in == pytest.approx(30.0 * 8 * 1.1)


def test_many_failed_probes_make_no_number_too_large() -> None:
    circuit = opened()
    circuit.failed_probes = 1 << 50
    leave = circuit.admit(NOW + 30.0, "probe", 60.0)
    circuit.told(leave, "failure", False, NOW + 30.0, lambda: 0.0)
    assert circuit.until == NOW + 30.0 + 240.0
