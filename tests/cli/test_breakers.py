"""`ocrgate breakers`: what an operator sees of the circuit breakers, and forcing one into a mode."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.houses import picture
from tests.providers.platform import APP, always, key

from ocrgate import AllProvidersFailed, ConfigError, Gateway
from ocrgate.cli import breakers
from ocrgate.testing import BaiduSimulator


@pytest.fixture
def platform() -> Iterator[BaiduSimulator]:
    with BaiduSimulator([APP]) as simulator:
        yield simulator


@pytest.fixture
def configured(tmp_path: Path, platform: BaiduSimulator) -> Callable[..., str]:
    def written(state: str = "memory", **breaker: object) -> str:
        baidu = {
            "base_url": platform.url,
            "trust_env": False,
            "keys": [key("only")],
            "breaker": {"minimum": 1, "window": 4, **breaker},
            "retry": {"attempts": 1},
        }
        path = tmp_path / "ocrgate.yaml"
        path.write_text(yaml.safe_dump({"state": state, "providers": {"baidu": baidu}}), encoding="utf-8")
        return str(path)

    return written


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    breakers.add_parser(parser.add_subparsers())
    options = parser.parse_args(["breakers", *arguments])
    return int(options.run(options))


def test_each_provider_is_listed_with_its_state_and_why(
    configured: Callable[..., str],
    tmp_path: Path,
    platform: BaiduSimulator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = configured(f"sqlite:{tmp_path / 'state.db'}", failure_rate=0.9)
    with Gateway.from_yaml(config) as gateway:
        gateway.recognize(picture())
        assert run("list", "--config", config) == 0
        assert capsys.readouterr().out == "baidu  closed; enforce; 0 failed and 0 slow of 1 calls\n"
    config = configured(f"sqlite:{tmp_path / 'other.db'}")
    platform.plan_faults([always("code", code=282000)])
    with Gateway.from_yaml(config) as gateway, pytest.raises(AllProvidersFailed):
        gateway.recognize(picture())
    assert run("list", "--config", config) == 0
    out = capsys.readouterr().out
    assert out.startswith("baidu  open for ")
    assert "; enforce; refuses for 3" in out
    assert out.endswith("; 1 of 1 calls failed\n")


def test_as_json_the_list_is_the_whole_status(
    configured: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("list", "--json", "--config", configured(f"sqlite:{tmp_path / 'state.db'}", mode="shadow")) == 0
    listed = json.loads(capsys.readouterr().out)["baidu"]
    assert (listed["state"], listed["mode"], listed["override"], listed["shared"]) == ("closed", "shadow", None, True)
    assert (listed["retry_in"], listed["failure_rate"], listed["spared"]) == (0.0, None, 0)


def test_without_a_configuration_the_embedded_one_is_listed_and_nothing_claimed_to_be_shared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIP_APP_ID", "AIP_API_KEY", "AIP_SECRET_KEY"):
        monkeypatch.setenv(name, "x" * 8)
    assert run("list") == 0
    out = capsys.readouterr().out
    assert "baidu" in out
    assert "note: the state is not shared" in out


def test_a_mode_is_set_for_every_process_that_shares_the_state_until_another_is_set(
    configured: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(f"sqlite:{tmp_path / 'state.db'}")
    with Gateway.from_yaml(config) as gateway:
        gateway.recognize(picture())
        assert run("set", "baidu", "forced_open", "--config", config) == 0
        out = capsys.readouterr().out
        assert out.startswith("baidu: open for 0.")
        assert out.endswith("; forced_open, set by an operator\n")
        with pytest.raises(AllProvidersFailed, match="breaker_open"):
            gateway.recognize(picture())
        assert run("set", "baidu", "configured", "--config", config) == 0
        assert capsys.readouterr().out.endswith("; enforce\n")
        assert gateway.recognize(picture()).provider == "baidu"


@pytest.mark.parametrize("mode", ["enforce", "shadow", "disabled"])
def test_every_mode_can_be_set(
    mode: str, configured: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(f"sqlite:{tmp_path / 'state.db'}")
    assert run("set", "baidu", mode, "--config", config) == 0
    assert f"{mode}, set by an operator" in capsys.readouterr().out
    with Gateway.from_yaml(config) as gateway:
        assert gateway.status()["baidu"]["breaker_detail"].override == mode


def test_a_mode_that_nobody_would_hear_of_is_refused(
    configured: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("set", "baidu", "disabled", "--config", configured()) == 1
    out = capsys.readouterr().out
    assert "the state is not shared, so no other process hears of this" in out
    assert "breaker.mode" in out


def test_a_state_that_is_out_of_reach_is_said_to_be_so(
    configured: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(f"sqlite:{tmp_path / 'missing' / 'state.db'}")
    assert run("set", "baidu", "disabled", "--config", config) == 1
    assert "does not exist; create it" in capsys.readouterr().out


def test_a_provider_that_is_none_is_answered_with_those_there_are(configured: Callable[..., str]) -> None:
    with pytest.raises(ConfigError, match="there are: baidu"):
        run("set", "badu", "disabled", "--config", configured())


def test_a_mode_that_is_none_is_a_usage_error(
    configured: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("set", "baidu", "off", "--config", configured())
    assert ended.value.code == 2
    assert "forced_open" in capsys.readouterr().err
