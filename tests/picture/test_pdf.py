"""Pages of a PDF as pictures."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ocrgate.errors import InvalidImage
from ocrgate.picture import open_document
from ocrgate.settings import ImageSettings
from tests.picture.samples import all_pages, distance, encoded, opened, page

PAGES = [page(text="first"), page((300, 100), "second")]
PDF = encoded(PAGES[0], "PDF", save_all=True, append_images=PAGES[1:], resolution=72)


def test_without_pypdfium2_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(InvalidImage, match=r'pip install "ocrgate\[pdf\]"'):
        open_document(PDF)


@pytest.mark.engines
def test_pages_are_drawn_in_order_at_the_resolution_asked_for() -> None:
    pictures = all_pages(PDF, dpi=72)
    assert [(picture.number, picture.width, picture.height) for picture in pictures] == [(1, 240, 120), (2, 300, 100)]
    assert distance(pictures[0].image, PAGES[0]) < 12
    assert not pictures[0].blank
    assert all_pages(PDF, dpi=144)[0].width == 480


@pytest.mark.engines
def test_a_page_is_drawn_no_larger_than_allowed() -> None:
    picture = all_pages(PDF, dpi=5000, max_pixels=40_000)[0]
    assert 30_000 < picture.width * picture.height <= 40_000


@pytest.mark.engines
def test_a_pdf_with_garbage_before_it_is_read() -> None:
    assert len(all_pages(b"\r\n\r\n" + PDF)) == 2


@pytest.mark.engines
def test_too_many_pages_are_refused_at_once() -> None:
    with pytest.raises(InvalidImage, match="2 pages"):
        open_document(PDF, ImageSettings(max_pages=1))


@pytest.mark.engines
def test_a_damaged_pdf_is_a_reason() -> None:
    with pytest.raises(InvalidImage, match="damaged"):
        opened(b"%PDF-1.7\n" + bytes(range(256)))


@pytest.mark.engines
def test_a_protected_pdf_is_a_reason() -> None:
    key = b"<" + b"41" * 32 + b">"
    protected = PDF.replace(
        b"trailer\n<<",
        b"trailer\n<< /ID [<41> <41>] /Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O "
        + key
        + b" /U "
        + key
        + b" >>",
    )
    assert protected != PDF
    with pytest.raises(InvalidImage, match="password"):
        open_document(protected)


@pytest.mark.engines
def test_documents_may_be_drawn_by_several_threads_at_once() -> None:
    with ThreadPoolExecutor(6) as pool:
        digests = list(pool.map(lambda _: tuple(picture.digest for picture in all_pages(PDF)), range(12)))
    assert len(set(digests)) == 1


@pytest.mark.engines
def test_a_closed_pdf_says_so() -> None:
    document = open_document(PDF)
    pages = document.pages()
    next(pages)
    document.close()
    document.close()
    with pytest.raises(InvalidImage, match="closed"):
        next(pages)
