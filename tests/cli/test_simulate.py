"""`ocrgate simulate baidu`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from tests.providers.platform import key, read

from ocrgate.cli import simulate
from ocrgate.testing.simulator import SimulatedKey
from ocrgate_baidu import BaiduProvider


def _arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    simulate.add_parser(parser.add_subparsers())
    return parser.parse_args(["simulate", "baidu", "--port", "0", *words])


def test_it_serves_what_it_says_until_it_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    told = ""

    def use() -> None:
        nonlocal told
        told = capsys.readouterr().out
        url = re.search(r"at (\S+)", told)
        certificate = re.search(r"certificate: (\S+)", told)
        assert url is not None
        assert certificate is not None
        provider = BaiduProvider(
            base_url=url.group(1),
            keys=[key(app=SimulatedKey("mine", "an-api-key", "a-secret"))],
            tls={"ca_bundle": certificate.group(1)},
            trust_env=False,
        )
        assert read(provider).lines[1].text == "TOTAL 12.30"
        provider.close()

    args = _arguments("--text", "canned", "--tls", "--key", "mine:an-api-key:a-secret")
    assert simulate._baidu(args, use) == 0
    assert "https://127.0.0.1:" in told
    assert "answered: ok 2" in capsys.readouterr().out


def test_a_plan_that_makes_no_sense_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ocrgate.errors import ConfigError

    file = tmp_path / "faults.yaml"
    file.write_text("- {fault: hung}", encoding="utf-8")
    with pytest.raises(ConfigError, match="hang"):
        simulate._baidu(_arguments("--faults", str(file)), lambda: None)
    with pytest.raises(ConfigError, match="NAME:API_KEY:SECRET_KEY"):
        simulate._baidu(_arguments("--key", "only-a-name"), lambda: None)
    assert simulate._baidu(_arguments("--text", "canned", "--host", "192.0.2.1"), lambda: None) == 2
    assert "cannot serve" in capsys.readouterr().err


@pytest.mark.engines
def test_text_is_read_by_a_local_engine() -> None:
    import io

    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (480, 96), "white")
    ImageDraw.Draw(image).text((24, 20), "TOTAL 73.50", "black", ImageFont.load_default(44))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    reader, what = simulate._reader()
    assert what.startswith("read by")
    (line,) = reader(buffer.getvalue())
    assert line["words"].replace(" ", "") == "TOTAL73.50"
    assert len(line["vertexes"]) == 4
