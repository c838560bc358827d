"""Asking once: what tells one question from another, what is being read already, and what was read before."""

from ocrgate.answers.answers import Answers
from ocrgate.answers.cache import Cache, CacheHealth
from ocrgate.answers.digest import Identified, Questions, identify, question
from ocrgate.answers.flight import Flights

__all__ = ["Answers", "Cache", "CacheHealth", "Flights", "Identified", "Questions", "identify", "question"]
