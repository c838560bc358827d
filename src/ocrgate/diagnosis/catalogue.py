"""The knowledge base: one table of codes a provider, kept as data beside its adapter.

A table is a YAML file `codes.yaml` in the adapter's package: a list of rows, each with the fields of `Diagnosis` that
it knows. The gateway's own table (refusals, network faults, HTTP statuses) lies in `codes/gateway.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from importlib.metadata import entry_points
from typing import Any

from ocrgate.diagnosis.diagnosis import Diagnosis

GROUP = "ocrgate.providers"


@cache
def table(provider: str) -> Mapping[str, Diagnosis]:
    """The rows of a provider type by code, empty when its package ships no table; the gateway's own: `gateway`."""
    if provider == "gateway":
        package = "ocrgate.diagnosis"
        place = resources.files(package) / "codes" / "gateway.yaml"
    else:
        found = entry_points(group=GROUP, name=provider)
        if not found:
            return {}
        package = next(iter(found)).module.partition(".")[0]
        place = resources.files(package) / "codes.yaml"
    if not place.is_file():
        return {}
    return {row.code: row for row in map(_row, _load(place.read_text(encoding="utf-8")))}


def _load(text: str) -> list[dict[str, Any]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rows: list[dict[str, Any]] = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    return rows


def _row(row: Mapping[str, Any]) -> Diagnosis:
    values: dict[str, Any] = {
        key: value if key in ("known", "billed") else str(value).strip() for key, value in row.items()
    }
    return Diagnosis(**values)


def lookup(
    provider: str,
    code: object,
    message: str = "",
    *,
    remedy: str = "",
    retry_after: float | None = None,
    log_id: str | None = None,
) -> Diagnosis:
    """The diagnosis of a code: the provider's row, else the gateway's, else an honest "unknown".

    Args:
        provider: the provider type, which names the table.
        code: number or text.
        message: what the other side said; replaces the table's own wording.
        remedy: the exact command, where it depends on the case; replaces the table's own.
        retry_after: seconds the other side asked to wait.
        log_id: the other side's reference.
    """
    key = str(code)
    row = table(provider).get(key) or table("gateway").get(key)
    if row is None:
        row = Diagnosis(
            code=key,
            meaning=f"The code {key} is in no table.",
            meaning_zh=f"错误码 {key} 不在任何已知的表中。",
            remedy="Look at the message; report the code if it persists.",
            remedy_zh="请查看返回的原文;若持续出现,请反馈该错误码。",
            known=False,
        )
    return replace(
        row,
        message=message or row.message,
        remedy=remedy or row.remedy,
        retry_after=retry_after,
        log_id=log_id,
    )
