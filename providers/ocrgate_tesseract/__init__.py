"""Tesseract as an engine of the gateway: the `tesseract` program, run once or twice an image."""

from ocrgate_tesseract.failure import TYPE
from ocrgate_tesseract.provider import TesseractProvider

__all__ = ["TYPE", "TesseractProvider"]
