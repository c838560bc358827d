"""EasyOCR as an engine of the gateway: CRAFT detection and CRNN recognition on torch."""

from ocrgate_easyocr.failure import TYPE
from ocrgate_easyocr.provider import EasyOCRProvider

__all__ = ["TYPE", "EasyOCRProvider"]
