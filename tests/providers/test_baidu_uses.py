"""Every use of a key is told: what for, how it ended, and from where; what was never sent is no use."""

from __future__ import annotations

import pytest

from ocrgate.errors import ConfigError
from ocrgate.key import Canary, KeyUse
from ocrgate.testing import BaiduSimulator
from ocrgate.testing.simulator import Rule, SimulatedKey
from ocrgate_baidu import BaiduProvider
from tests.providers.platform import adapter, always, failure, key, once, read


def uses(platform: BaiduSimulator, seconds: float = 5.0, *, fails: bool = False) -> list[KeyUse]:
    """What one call tells of its key."""
    heard: list[KeyUse] = []
    provider = adapter(platform)
    if fails:
        failure(provider, seconds, on_use=heard.append)
    else:
        read(provider, seconds, on_use=heard.append)
    provider.close()
    return heard


def test_a_call_is_a_use_for_the_token_and_one_for_the_image() -> None:
    with BaiduSimulator() as platform:
        heard: list[KeyUse] = []
        page = read(adapter(platform), on_use=heard.append)
        sizes = [request.size for request in platform.requests]
    token, call = heard
    assert token == KeyUse("primary", "token", "ok", sent=sizes[0], source="127.0.0.1", billed=False)
    assert call == KeyUse(
        "primary", "accurate", "ok", log_id=page.notes["log_id"], sent=sizes[1], source="127.0.0.1", billed=True
    )


@pytest.mark.parametrize(
    ("rule", "endpoint", "code", "billed"),
    [
        (always("code", code=17), "accurate", "17", False),
        (always("hang"), "accurate", "timeout", None),
        (always("hang", path="token"), "token", "timeout", False),
        (always("not_json"), "accurate", "bad_reply", None),
        (once("reset", path="token"), "token", "connection_reset", False),
    ],
)
def test_a_failure_is_told_with_its_code_and_whether_it_is_billed(
    rule: Rule, endpoint: str, code: str, billed: bool | None
) -> None:
    with BaiduSimulator(faults=[rule]) as platform:
        last = uses(platform, 0.4, fails=True)[-1]
    assert (last.endpoint, last.outcome, last.code, last.billed) == (endpoint, "failed", code, billed)
    assert last.sent > 0


def test_a_key_that_is_refused_was_used_for_the_token_only() -> None:
    with BaiduSimulator([SimulatedKey("other", "another-key", "another-secret")]) as platform:
        assert [(use.endpoint, use.code) for use in uses(platform, fails=True)] == [("token", "invalid_client")]


def test_what_found_no_connection_is_no_use() -> None:
    with BaiduSimulator() as platform:
        platform.stop()
        assert uses(platform, fails=True) == []


def test_the_trial_of_a_key_comes_from_its_configuration() -> None:
    trial = {"share": 0.1, "for": "2h", "successes": 7}
    assert BaiduProvider(keys=[key(canary=trial)]).keys[0].canary == Canary(0.1, 7200.0, 7)
    assert BaiduProvider(keys=[key(canary={})]).keys[0].canary == Canary()
    assert BaiduProvider(keys=[key()]).keys[0].canary is None


@pytest.mark.parametrize("trial", [{"share": 2}, {"for": "soon"}, {"successes": 0}, {"shares": 0.1}, "much"])
def test_a_trial_that_makes_no_sense_is_refused(trial: object) -> None:
    with pytest.raises(ConfigError, match="canary"):
        BaiduProvider(keys=[key(canary=trial)])
