"""What tests draw is what they say they draw."""

from __future__ import annotations

import pytest
from PIL import ImageChops

from tests.drawing import RECEIPT, blank, columns, crop, noisy, page


def test_a_page_has_its_ink_where_its_boxes_say() -> None:
    drawing = page(RECEIPT)
    assert drawing.text == "\n".join(RECEIPT)
    ink = ImageChops.invert(drawing.image.convert("L"))
    for box in drawing.boxes:
        assert ink.crop((int(box.left), int(box.top), int(box.right), int(box.bottom))).getbbox() is not None
        ink.paste(0, (int(box.left) - 1, int(box.top) - 1, int(box.right) + 1, int(box.bottom) + 1))
    assert ink.getbbox() is None


def test_the_same_call_draws_the_same_pixels() -> None:
    assert page().image.tobytes() == page().image.tobytes()
    assert noisy(page().image).tobytes() == noisy(page().image).tobytes()


def test_text_that_the_font_cannot_draw_or_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        page("合计")
    with pytest.raises(ValueError, match="needs"):
        page("a long line of text", size=(60, 40))


def test_a_crop_is_a_tight_line_and_columns_are_rows() -> None:
    assert crop("A1").image.height < 40
    assert columns([("TOTAL", "5.50")]).lines == ("TOTAL 5.50",)


def test_a_request_carries_the_pixels_of_its_image() -> None:
    drawing = page(size=(400, 400))
    request = drawing.request(languages=["en"])
    assert request.languages == ("en",)
    assert request.image().tobytes() == drawing.image.tobytes()
    assert blank((8, 4)).size == (8, 4)
