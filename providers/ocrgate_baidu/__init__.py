"""Baidu's OCR, through the SDK's own `AipOcr`."""

from ocrgate_baidu.endpoints import ENDPOINTS, Endpoint
from ocrgate_baidu.provider import BaiduProvider

__all__ = ["ENDPOINTS", "BaiduProvider", "Endpoint"]
