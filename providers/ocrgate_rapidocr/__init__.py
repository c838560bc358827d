"""RapidOCR as an engine of the gateway: PP-OCR models of its wheel on onnxruntime, Chinese, English and Latin."""

from ocrgate_rapidocr.failure import TYPE
from ocrgate_rapidocr.provider import RapidOCRProvider

__all__ = ["TYPE", "RapidOCRProvider"]
