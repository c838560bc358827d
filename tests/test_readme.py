"""What the README and the other pages show works as it is shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ocrgate import Gateway
from ocrgate.cli import INTERRUPTED, main
from ocrgate.cli import recognize as command
from ocrgate.config import parse
from ocrgate.config.notices import WITHOUT_EFFECT
from ocrgate.testing import ScriptedProvider
from ocrgate.testing.simulator import Plan
from tests import markdown
from tests.houses import house
from tests.markdown import PAGES, READMES, ROOT, Block

TRY = 'python3 -m venv .venv && .venv/bin/pip install --quiet ".[local]" && .venv/bin/ocrgate recognize docs/sample.png'
TESTS = "python3 -m venv .venv && .venv/bin/pip install --quiet nox && .venv/bin/nox"
SAMPLE = next(block.code for block in markdown.blocks(READMES[0]) if block.marker == "sample").rstrip("\n")
FOREIGN = re.compile(
    r"(?<![\w./])/(?:work|tmp|root|home|farm|opt|Users)/|\b(?:TODO|FIXME|XXX)\b|pypi\.org|pythonhosted|PYTHONPATH"
)


def page_id(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)


@pytest.mark.parametrize("readme", READMES, ids=page_id)
@pytest.mark.parametrize(("name", "line"), [("try", TRY), ("tests", TESTS)])
def test_the_two_commands_stand_alone_between_their_marks(readme: Path, name: str, line: str) -> None:
    whole = markdown.text(readme)
    assert f"<!-- {name} -->\n```sh\n{line}\n```\n<!-- /{name} -->\n" in whole
    assert whole.count(f"<!-- {name} -->") == 1


def test_both_readmes_have_the_same_sections_and_the_same_code() -> None:
    english, chinese = READMES
    assert len(markdown.headings(english)) == len(markdown.headings(chinese))
    assert [(block.language, block.marker, block.code) for block in markdown.blocks(english)] == [
        (block.language, block.marker, block.code) for block in markdown.blocks(chinese)
    ]


def test_both_readmes_link_to_the_same_pages() -> None:
    english, chinese = (set(markdown.links(readme)) for readme in READMES)
    assert english - {"README.zh-CN.md"} == chinese - {"README.md"}


@pytest.mark.parametrize("block", markdown.every("yaml", "", "run"), ids=str)
def test_every_configuration_shown_can_be_used(block: Block) -> None:
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", block.code), "0123456789abcdef")
    assert parse(block.code, environ=environ).routes


@pytest.mark.parametrize("block", markdown.every("yaml", "faults"), ids=str)
def test_every_fault_plan_shown_can_be_used(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(block.code, encoding="utf-8")
    assert Plan.load(path).rules


def test_yaml_that_is_not_tried_says_what_it_is() -> None:
    known = {"", "faults", "fragment"}
    assert {block.marker for block in markdown.every("yaml")} <= known


@pytest.mark.parametrize("block", markdown.every("python"), ids=str)
def test_every_program_shown_compiles(block: Block) -> None:
    compile(block.code, str(block), "exec")


@pytest.mark.parametrize("block", markdown.every("python", "run"), ids=str)
def test_every_program_marked_so_runs(
    block: Block, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(Gateway, "default", lambda: house(ScriptedProvider("local", SAMPLE)))
    exec(compile(block.code, str(block), "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    if "Gateway.default()" in block.code:
        assert SAMPLE in printed


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in markdown.links(page):
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} does not exist"
        if fragment:
            assert fragment in markdown.anchors(there), f"{target}: no such heading"


def commands(page: Path) -> list[str]:
    """Every `ocrgate …` on a page, on lines of shell blocks and in running text."""
    shell = [line for block in markdown.blocks(page) if block.language == "sh" for line in block.code.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", markdown.prose(page))
    calls = [re.search(r"(?:^|/)ocrgate ([a-z].*)$", line) for line in (*shell, *inline)]
    return [call[1] for call in calls if call is not None]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_shown_exists_with_its_options(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for shown in commands(page):
        words = shlex.split(shown.replace("|", " | "))
        names = []
        for word in words:
            if not word.isalpha():
                break
            names.append(word)
        for path in (names, names[:1]):
            with pytest.raises(SystemExit) as ended:
                main([*path, "--help"])
            assert ended.value.code == 0, f"ocrgate {shown}"
            usage = capsys.readouterr().out
            if path == names:
                for option in (word for word in words if word.startswith("--")):
                    assert option in usage, f"ocrgate {shown}: no option {option}"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_page_shows_a_path_of_a_machine_or_unfinished_work(page: Path) -> None:
    assert FOREIGN.findall(markdown.text(page)) == []


@pytest.mark.parametrize("readme", READMES, ids=page_id)
def test_what_has_no_effect_yet_is_listed(readme: Path) -> None:
    general = {"providers", "routes", "keys", "*"}
    names = {next(part for part in path if part not in general) for path in WITHOUT_EFFECT}
    assert set(re.findall(r"^- `(\w+)`", markdown.text(readme), re.MULTILINE)) == names


@pytest.mark.parametrize("page", [*READMES, ROOT / "docs" / "errors.md"], ids=page_id)
def test_the_exit_codes_are_those_of_the_command(page: Path) -> None:
    own = {command.READ, command.NO_ENGINE, command.USAGE, command.BAD_IMAGE, command.NOT_VALID, INTERRUPTED}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", markdown.text(page), re.MULTILINE)} == own


@pytest.mark.parametrize("page", [*READMES, ROOT / "docs" / "errors.md"], ids=page_id)
def test_the_tree_of_errors_is_the_one_in_the_code(page: Path) -> None:
    from ocrgate import errors

    tree = [line for line in (errors.__doc__ or "").splitlines() if line.startswith((" ├", " └"))]
    assert len(tree) == 7
    assert "OCRError\n" + "\n".join(tree) in markdown.text(page)
