"""Whose credentials are used, until when, and what happened to them."""

from ocrgate.keys.owner import TokenOwner
from ocrgate.keys.ring import Key, KeyStatus, Ring
from ocrgate.keys.token import Token

__all__ = ["Key", "KeyStatus", "Ring", "Token", "TokenOwner"]
