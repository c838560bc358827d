"""`ocrgate keys`: what an operator sees of the keys, and how one comes off the bench."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.houses import picture
from tests.providers.platform import APP, key

from ocrgate import AllProvidersFailed, Gateway
from ocrgate.cli import main
from ocrgate.testing import BaiduSimulator


@pytest.fixture
def platform() -> Iterator[BaiduSimulator]:
    with BaiduSimulator([APP]) as simulator:
        yield simulator


@pytest.fixture
def configured(tmp_path: Path, platform: BaiduSimulator) -> Callable[..., str]:
    def written(state: str = "memory") -> str:
        baidu = {"base_url": platform.url, "trust_env": False, "keys": [key("only")], "quota": {"per_month": 5}}
        path = tmp_path / "ocrgate.yaml"
        path.write_text(yaml.safe_dump({"state": state, "providers": {"baidu": baidu}}), encoding="utf-8")
        return str(path)

    return written


def test_a_key_is_shown_with_its_state_and_what_it_was_used_for(
    configured: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(f"sqlite:{tmp_path / 'state.db'}")
    with Gateway.from_yaml(config) as gateway:
        gateway.recognize(picture())
    assert main(["keys", "list", "--config", config]) == 0
    out = capsys.readouterr().out
    assert "only" in out
    assert "usable  1 calls today, 1 this month, 0.04 CNY, 4 left this month" in out
    assert APP.api_key not in out


def test_a_benched_key_is_released_for_every_process_that_shares_the_state(
    configured: Callable[..., str], platform: BaiduSimulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(f"sqlite:{tmp_path / 'state.db'}")
    platform.replace_keys([])
    with Gateway.from_yaml(config) as gateway:
        with pytest.raises(AllProvidersFailed, match="invalid_client"):
            gateway.recognize(picture())
        platform.replace_keys([APP])
        assert main(["keys", "list", "--config", config]) == 0
        assert "benched until the configuration changes: invalid_client" in capsys.readouterr().out
        assert main(["keys", "release", "baidu", "only", "--config", config]) == 0
        assert capsys.readouterr().out == "only of baidu is used again\n"
        assert gateway.recognize(picture()).provider == "baidu"


def test_releasing_what_nobody_shares_says_that_it_is_of_no_use(
    configured: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "release", "baidu", "--config", configured()]) == 1
    assert "not shared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "message"), [(["badu"], "there are: baidu"), (["baidu", "other"], "no key 'other'; there are: only")]
)
def test_a_name_that_is_none_is_answered_with_those_there_are(
    configured: Callable[..., str], names: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "release", *names, "--config", configured()]) == 2
    assert message in capsys.readouterr().err
