"""The page on the doctor names every line that it can print."""

from __future__ import annotations

import re

from ocrgate.cli import doctor
from tests import markdown
from tests.markdown import ROOT

PAGE = ROOT / "docs" / "doctor.md"
BAIDU = ("examination", "keyform", "trust", "walk")


def names() -> set[str]:
    """The first argument of every finding, as far as it is written out; what follows it is a name of the user's."""
    sources = [*(ROOT / "src" / "ocrgate" / "doctor").glob("*.py")]
    sources += [ROOT / "providers" / "ocrgate_baidu" / f"{name}.py" for name in BAIDU]
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    written = re.findall(r'(?:Finding\(\s*|_try\(\s*|_wants_login\(|name(?:, \w+)* = )f?"([a-z]+(?: of)?)[ "]', text)
    return set(written)


def test_every_line_is_on_the_page() -> None:
    shown = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", markdown.text(PAGE), re.MULTILINE)
    rows = {name.split(" NAME")[0].split(" …")[0] for row in shown for name in re.findall(r"`([^`]+)`", row)}
    assert len(names()) > 20
    assert names() - rows == set()


def test_the_exit_codes_are_those_of_the_command() -> None:
    codes = {int(code) for code in re.findall(r"^\| `(\d)` \|", markdown.text(PAGE), re.MULTILINE)}
    assert codes == {doctor.WELL, doctor.FAILED, doctor.USAGE}
