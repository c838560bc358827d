"""Is this answer an answer: the rules of a route, and what they say of a page."""

from ocrgate.acceptance.rule import Rule, RuleMatch
from ocrgate.acceptance.verdict import Acceptance, Verdict

__all__ = ["Acceptance", "Rule", "RuleMatch", "Verdict"]
