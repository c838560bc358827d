"""One line of a report."""

from __future__ import annotations

from dataclasses import dataclass

from ocrgate.ability import Finding


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding, and what it is about.

    Attributes:
        group: `host`, `configuration`, or the configured name of an engine.
        finding: what was found.
    """

    group: str
    finding: Finding

    def to_dict(self) -> dict[str, str]:
        """`group`, `name`, `status`, `detail` and `remedy`."""
        found = self.finding
        return {
            "group": self.group,
            "name": found.name,
            "status": found.status,
            "detail": found.detail,
            "remedy": found.remedy,
        }
