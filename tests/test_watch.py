"""A configuration file that is changed while the gateway runs."""

from __future__ import annotations

import os
from pathlib import Path

from ocrgate.testing import ManualClock
from ocrgate.watch import Watch


def test_a_change_is_seen_once_and_not_before_the_interval_is_over(tmp_path: Path) -> None:
    file, clock = tmp_path / "ocrgate.yaml", ManualClock()
    file.write_text("one")
    watch = Watch(file, 2.0, clock, seen=Watch.stamp(file))
    file.write_text("another")
    assert not watch.changed()
    clock.advance(2.0)
    assert watch.changed()
    clock.advance(2.0)
    assert not watch.changed()


def test_a_file_that_is_still_being_written_has_to_settle_first(tmp_path: Path) -> None:
    file = tmp_path / "ocrgate.yaml"
    file.write_text("one")
    clock = ManualClock(time=1_000_000_000.0)
    watch = Watch(file, 2.0, clock, seen=Watch.stamp(file))
    file.write_text("half")
    os.utime(file, (0.0, clock.time() + 1.9))
    clock.advance(2.0)
    assert not watch.changed()
    clock.advance(0.25)
    assert watch.changed()
    assert not watch.changed()


def test_a_file_of_the_same_size_and_time_that_took_the_place_of_the_old_one_is_a_change(tmp_path: Path) -> None:
    file, other, clock = tmp_path / "ocrgate.yaml", tmp_path / "new.yaml", ManualClock()
    file.write_text("one")
    watch = Watch(file, 2.0, clock, seen=Watch.stamp(file))
    other.write_text("two")
    found = file.stat()
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.replace(file)
    clock.advance(2.0)
    assert watch.changed()


def test_a_change_between_reading_and_watching_is_not_missed(tmp_path: Path) -> None:
    file, clock = tmp_path / "ocrgate.yaml", ManualClock()
    file.write_text("one")
    seen = Watch.stamp(file)
    file.write_text("another")
    watch = Watch(file, 2.0, clock, seen=seen)
    clock.advance(2.0)
    assert watch.changed()


def test_a_file_that_is_away_for_a_moment_has_not_changed(tmp_path: Path) -> None:
    file, clock = tmp_path / "ocrgate.yaml", ManualClock()
    file.write_text("one")
    watch = Watch(file, 2.0, clock, seen=Watch.stamp(file))
    file.unlink()
    clock.advance(2.0)
    assert not watch.changed()
    file.write_text("three")
    clock.advance(2.0)
    assert watch.changed()
