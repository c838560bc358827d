"""The picture that every engine is tried with."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from ocrgate.doctor import sample


def test_the_picture_is_small_and_shows_something_dark_on_white() -> None:
    with Image.open(io.BytesIO(sample.draw())) as image:
        shades = image.convert("L").histogram()
        assert (image.format, sum(shades[:50]) > 500, shades[255] > 10_000) == ("PNG", True, True)
        assert max(image.size) < 600


def test_it_is_drawn_without_freetype_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import ImageFont

    original = ImageFont.load_default

    def load_default(size: float | None = None) -> object:
        if size is not None:
            raise ImportError("The _imagingft C module is not installed")
        return original()

    monkeypatch.setattr(ImageFont, "load_default", load_default)
    with Image.open(io.BytesIO(sample.draw())) as image:
        dark = image.convert("L").point(lambda level: 255 * (level < 128)).histogram()[255]
    assert 500 < dark < 20_000


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("TOTAL 12.30", True),
        ("T0TAL 12,30", True),
        ("total\n12.3O", True),
        ("百度文字识别 SIMULATED\nTOTAL 12.30", True),
        ("TQTAL 12.38", True),
        ("", False),
        ("12", False),
        ("HELLO", False),
    ],
)
def test_an_answer_is_compared_leniently(text: str, enough: bool) -> None:
    assert (sample.share(text) >= sample.ENOUGH) is enough
    assert 0.0 <= sample.share(text) <= 1.0
