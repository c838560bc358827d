"""Tesseract as an engine of the gateway: the `tesseract` program, run once or twice an image."""

from ocrgate_tesseract.provider import TYPE, TesseractProvider

__all__ = ["TYPE", "TesseractProvider"]
