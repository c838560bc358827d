"""What the configuration may say about RapidOCR."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RapidOCROptions(BaseModel):
    """Options of a provider of type `rapidocr`."""

    model_config = ConfigDict(extra="forbid")

    languages: list[str] | str | None = Field(
        default=None,
        description="Languages that will be asked for. One model reads Chinese, English, Japanese and the Latin "
        "script, so this changes nothing but is checked.",
    )
    threads: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Threads of one image. 1 gives the most images a second when several are read at once; "
        "2 shortens the wait for a single one.",
    )
    model_dir: str | None = Field(
        default=None,
        description="Folder with one `*_det_*.onnx`, `*_cls_*.onnx` and `*_rec_*.onnx`. Left out: the wheel's own.",
    )
    min_score: float = Field(
        default=0.5, ge=0, le=1, description="Lines that RapidOCR is less sure of than this are dropped."
    )
