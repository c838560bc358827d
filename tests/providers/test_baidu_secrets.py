"""Secrets are planted, everything goes wrong that can, and all that was written or could be shown is searched."""

from __future__ import annotations

import base64
import dataclasses
import gc
import json
import logging
import pickle
import subprocess
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import yaml

from ocrgate import Gateway
from ocrgate.cli import main
from ocrgate.diagnosis import Diagnosis
from ocrgate.errors import ConfigError, OCRError, ProviderError
from ocrgate.provider import Request
from ocrgate.testing.simulator import BaiduSimulator, SimulatedKey, self_signed
from ocrgate.testing.simulator.fault import KINDS, TOKEN_KINDS
from ocrgate_baidu import BaiduProvider
from tests.providers.platform import always, key, once, picture, request
from tests.providers.proxy import Proxy

APP = SimulatedKey("primary", "PLANTEDapi0KEY1aaaaaaaaaa", "PLANTEDsecret+KEY/2bbbbbbbbbb=")
SPARE = SimulatedKey("spare", "PLANTEDspare0KEY3cccccccc", "PLANTEDspare+SECRET/4dddddddd=")
PASSWORD = "PLANTEDproxy-password-5eeeeee"
LEDGER_KEY = "PLANTEDledger-key-6ffffffffff"
PLANTED = (APP.api_key, APP.secret_key, SPARE.api_key, SPARE.secret_key, PASSWORD, LEDGER_KEY)
SESSION = ("9mzdCy4r", "c7a1e1a4")
"""What the platform's token reply holds besides the token."""


class Needles:
    """The planted texts in every form in which they could be written."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.forms: dict[str, str] = {}
        for secret in secrets:
            raw = secret.encode()
            forms = [secret, quote(secret, safe=""), quote_plus(secret), raw.hex(), secret[::-1]]
            for start in range(3):
                # Base64 looks different wherever in a text it begins; the middle of it is the same.
                encoded = base64.b64encode(b"\0" * start + raw)[4:-4].decode()
                forms += [encoded, encoded.replace("+", "-").replace("/", "_")]
            # A part of a secret is a secret.
            forms += [secret[at : at + 12] for at in range(0, len(secret) - 11, 4)]
            self.forms.update({form: secret for form in forms if len(form) >= 8})

    def found(self, text: str | bytes) -> list[str]:
        """The planted texts that stand in a text, with what stands around them."""
        shown = text.decode("latin-1") if isinstance(text, bytes) else text
        places = {secret: shown.find(form) for form, secret in self.forms.items() if form in shown}
        return [f"{secret}: …{shown[max(0, at - 150) : at + 60]}…" for secret, at in places.items()]


def settings(url: str, folder: Path, state: str = "", **options: Any) -> Path:
    """A configuration file beside the folder that is searched."""
    keys = [
        {"name": "primary", "app_id": "1", "api_key": "${PLANTED_API}", "secret_key": "${PLANTED_SECRET}"},
        {**key("spare", SPARE), "account": "other"},
    ]
    provider = {
        "base_url": url,
        "keys": keys,
        "trust_env": False,
        "timeout": "250ms",
        "retry": {"attempts": 1},
        "breaker": {"minimum": 20, "window": 20},
    }
    content = {
        "version": 1,
        "state": state or f"sqlite:{folder / 'state.db'}",
        "audit": {"path": str(folder / "ledger.jsonl"), "key": LEDGER_KEY},
        "logging": {"level": "DEBUG", "file": str(folder / "program.log"), "format": "json"},
        "providers": {"baidu": {**provider, **options}},
        "routes": {"default": {"providers": ["baidu"], "deadline": "3s"}},
    }
    file = folder.parent / "ocrgate.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


class Witness:
    """Collects all that a program, its log, its crash reporter or its debugger could show."""

    def __init__(self) -> None:
        self.texts: list[str | bytes] = []
        self.outcomes: list[str] = []

    def see(self, *texts: str | bytes) -> None:
        self.texts += texts

    def read(self, front: Gateway, image: Any) -> None:
        """Read an image, and keep what came of it. No local of this function holds a secret."""
        try:
            result = front.recognize(image)
        except OCRError as error:
            self.outcomes.append(type(error).__name__)
            self.see(*shown(error))
        else:
            self.outcomes.append("Result")
            self.see(result.to_json(), repr(result), str(result.to_dict()), pickle.dumps(result))

    def hear(self, event: Any) -> None:
        self.see(repr(event), str(dataclasses.asdict(event)), pickle.dumps(event))


def shown(error: BaseException | None) -> Iterator[str | bytes]:
    """An exception as a log, a crash reporter and a debugger show it, and all that it came from."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield from (str(error), repr(error), repr(vars(error)), pickle.dumps(error))
        yield "".join(traceback.format_exception(type(error), error, error.__traceback__))
        yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        yield from shown(error.__cause__)
        error = error.__context__


def reachable(root: object) -> Iterator[object]:
    """Every object of this library, and every call bound to one, that a debugger gets to from `root`."""
    waiting, seen = [root], set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, (type, types.ModuleType, types.FunctionType, str, bytes, int, float)):
            continue
        seen.add(id(each))
        if type(each).__module__.startswith("ocrgate") or callable(each):
            yield each
        home = type(each).__module__.partition(".")[0]
        if isinstance(each, (Mapping, list, tuple, set, frozenset)):
            waiting += [*each.values()] if isinstance(each, Mapping) else [*each]
        if home in ("ocrgate", "ocrgate_baidu", "functools", "threading") or callable(each):
            waiting += [inner for inner in gc.get_referents(each) if not isinstance(inner, type)]


def searched(witness: Witness, needles: Needles, folder: Path) -> list[str]:
    """What was found anywhere."""
    shown = [found for text in witness.texts for found in needles.found(text)]
    files = [file for file in folder.rglob("*") if file.is_file()]
    return shown + [f"{file.name}: {found}" for file in files for found in needles.found(file.read_bytes())]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLANTED_API", APP.api_key)
    monkeypatch.setenv("PLANTED_SECRET", APP.secret_key)
    place = tmp_path / "written"
    place.mkdir()
    (place / "image.png").write_bytes(picture())
    return place


@pytest.fixture
def witness(caplog: pytest.LogCaptureFixture) -> Witness:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "aip", "ocrgate", "ocrgate_baidu"):
        caplog.set_level(logging.DEBUG, logger=name)
    return Witness()


def secrets(platform: BaiduSimulator) -> Needles:
    """What was planted, and every token that was given out meanwhile."""
    # The part of a token that says nothing of when it was given and to whom.
    tokens = [token.split(".")[1] for token in platform.books._grants]
    return Needles([*PLANTED, *tokens, *SESSION])


def everything_said(witness: Witness, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    witness.see(caplog.text, *(repr(vars(record)) for record in caplog.records), *capsys.readouterr())


TROUBLES: dict[str, dict[str, Any]] = {
    **{f"{kind} of ocr": {"faults": [always(kind)]} for kind in KINDS if kind not in TOKEN_KINDS},
    **{f"{kind} of token": {"faults": [always(kind, path="token")]} for kind in KINDS},
    **{
        f"code {code} of ocr": {"faults": [always("code", code=code)], "warm": True}
        for code in (6, 14, 17, 18, 19, 100, 110, 111, 216201, 282000, "SDK108", 987654)
    },
    **{f"status {status}": {"faults": [always("http", status=status)]} for status in (401, 403, 407, 413, 429, 500)},
    "nothing": {},
    "a token reply that repeats the request": {"echo": "message"},
    "a reply that repeats the request": {"echo": "message", "warm": True},
    "a reply that repeats the token as its code": {"echo": "code", "warm": True},
    "a reply that repeats the token as its text": {"echo": "text", "warm": True},
    "a wrong secret": {"keys": [SimulatedKey("primary", APP.api_key, "another"), SPARE]},
    "no such application": {"keys": []},
    "revoked in mid-run": {"faults": [once("revoke")]},
    "a certificate nobody trusts": {"tls": True, "unsent": True},
    "a proxy that is down": {
        "options": {"proxies": {"http": f"http://gateway:{PASSWORD}@127.0.0.1:1"}},
        "unsent": True,
    },
    "a proxy that wants another password": {"proxy": {"login": ("gateway", "another")}},
    "a proxy that hangs": {"proxy": {"hangs": True}},
    "a proxy that works": {"proxy": {"login": ("gateway", PASSWORD)}},
    "nobody there": {"stopped": True, "unsent": True},
    "a shared state that is down": {"options": {"state": f"redis://gateway:{PASSWORD}@127.0.0.1:1/0"}},
    "an adapter that breaks": {"breaks": True},
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_secret_gets_out(
    trouble: str,
    folder: Path,
    witness: Witness,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = TROUBLES[trouble]
    with (
        BaiduSimulator(keys=[APP, SPARE], certificate=certificate if "tls" in plan else None) as platform,
        Proxy(**plan.get("proxy", {})) as proxy,
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        options: dict[str, Any] = dict(plan.get("options", {}))
        if "proxy" in plan:
            options["proxies"] = {"http": f"http://gateway:{PASSWORD}@{proxy.address}"}
        with Gateway.from_yaml(settings(platform.url, folder, **options)) as front:
            front.on(witness.hear)
            if "warm" in plan:
                witness.read(front, picture())
            go_wrong(platform, plan, monkeypatch)
            for _ in range(2):
                witness.read(front, picture())
            front.flush()
            witness.see(repr(front.status()), str(front.status()), *map(repr, reachable(front)))
        assert main(["recognize", str(folder / "image.png"), "--config", str(folder.parent / "ocrgate.yaml")]) in (0, 1)
        traced = ["--trace", "--format", "json"]
        main(["recognize", str(folder / "image.png"), *traced, "--config", str(folder.parent / "ocrgate.yaml")])
        needles = secrets(platform)
        witness.see(*(str(each) for each in warned), *map(repr, threading.enumerate()))
    everything_said(witness, caplog, capsys)
    assert searched(witness, needles, folder) == []
    assert witness.outcomes
    written = {file.name for file in folder.iterdir() if file.stat().st_size}
    assert written >= {"program.log", "ledger.jsonl"} - ({"ledger.jsonl"} if "unsent" in plan else set())
    assert caplog.records, "nothing was logged, so nothing was searched"


def go_wrong(platform: BaiduSimulator, plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    platform.plan_faults(plan.get("faults"))
    if "keys" in plan:
        platform.replace_keys(plan["keys"])
    if "stopped" in plan:
        platform.stop()
    if "echo" in plan:
        serve = platform.serve

        def token(target: str) -> str:
            return target.partition("access_token=")[2].partition("&")[0]

        def repeated(connection: Any, method: str, target: str, body: bytes) -> bool:
            quoted = f"{target} {token(target)} {body[:300].decode()}"
            said = json.dumps({"error_code": 282000, "error_msg": f"bad request: {quoted}"})
            if plan["echo"] == "code":
                said = json.dumps({"error_code": token(target), "log_id": token(target), "msg": ""})
            if plan["echo"] == "text":
                said = json.dumps({"error": token(target), "error_description": token(target)})
            platform.plan_faults([always("http", path=None, status=500, body=said)])  # type: ignore[arg-type]
            return serve(connection, method, target, body)

        monkeypatch.setattr(platform, "serve", repeated)
        platform.stop()
        platform.start()
    if "breaks" in plan:

        def parse(*_arguments: Any) -> None:
            local = f"{APP.secret_key} {list(platform.books._grants)[-1]}"
            raise RuntimeError(f"cannot parse with {local}")

        monkeypatch.setattr("ocrgate_baidu.provider.parse", parse)


def test_the_search_finds_what_it_looks_for(folder: Path) -> None:
    needles = Needles([APP.secret_key])
    for form in (
        APP.secret_key,
        quote(APP.secret_key),
        quote_plus(APP.secret_key),
        base64.b64encode(f"user:{APP.secret_key}".encode()).decode(),
        base64.b64encode(f"{{'a': '{APP.secret_key}'}}".encode()).decode(),
        APP.secret_key[:16],
        APP.secret_key.encode().hex(),
    ):
        assert needles.found(f"before {form} after"), form
        (folder / "a").write_text(form, encoding="utf-8")
        assert searched(Witness(), needles, folder)
    assert not needles.found("PLANTED")
    error = ProviderError("baidu", Diagnosis("1"))
    error.note = APP.secret_key  # type: ignore[attr-defined]
    witness = Witness()
    witness.see(*shown(error))
    assert searched(witness, needles, folder / "none")


def test_the_walk_over_objects_reaches_the_secrets_owners(folder: Path) -> None:
    with BaiduSimulator(keys=[APP, SPARE]) as platform:
        with Gateway.from_yaml(settings(platform.url, folder)) as front:
            front.recognize(picture())
            kinds = {type(each).__name__ for each in reachable(front)}
    assert kinds >= {
        *("Gateway", "Fleet", "Engine", "BaiduProvider", "Credential", "Wire", "Transport", "TokenOwner", "Token"),
        *("Settings", "ProviderSettings", "Redactor", "partial"),
    }


def test_reprs_hide_what_they_hold(folder: Path) -> None:
    proxies = {"https": f"http://gateway:{PASSWORD}@127.0.0.1:1"}
    provider = BaiduProvider(keys=[key(app=APP), key("spare", SPARE)], proxies=proxies)
    sent: Request = request(key="primary")
    with Gateway.from_yaml(settings("http://127.0.0.1:1", folder, proxies=proxies)) as front:
        objects = [front, front.settings, front.settings.providers["baidu"], provider, sent, provider._transport.wire]
        texts = [form(each) for each in objects for form in (repr, str)]
    needles = Needles(PLANTED)
    assert [found for text in texts for found in needles.found(text)] == []


WRONG: dict[str, dict[str, Any]] = {
    "an unknown setting of a key": {"keys": [{**key(app=APP), "secrt": APP.secret_key}]},
    "one key in place of a list": {"keys": key(app=APP)},
    "a list in place of a secret": {"keys": [{**key(app=APP), "secret_key": [APP.secret_key]}]},
    "a mapping in place of a secret": {"keys": [{**key(app=APP), "secret_key": {APP.secret_key: 1}}]},
    "a secret with a space": {"keys": [{**key(app=APP), "secret_key": f"{APP.secret_key} {APP.secret_key}"}]},
    "a secret among the keys": {"keys": [APP.secret_key]},
    "two keys of one name": {"keys": [key(app=APP), key(app=APP)]},
    "a proxy of another kind": {"proxies": {"http": f"socks5://gateway:{PASSWORD}@127.0.0.1:1"}},
    "a proxy without a scheme": {"proxies": {"http": f"gateway:{PASSWORD}@127.0.0.1:1"}},
    "a proxy in a list": {"proxies": [f"http://gateway:{PASSWORD}@127.0.0.1:1"]},
    "a shared state of another kind": {"state": f"memcached://gateway:{PASSWORD}@127.0.0.1:1"},
    "a shared state without a host": {"state": f"redis:gateway:{PASSWORD}@"},
    "a login in the base URL": {"base_url": f"https://gateway:{PASSWORD}@127.0.0.1:1"},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_configuration_is_told_without_its_secrets(
    wrong: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = settings("http://127.0.0.1:1", folder, **WRONG[wrong])
    texts: list[str | bytes] = []
    try:
        Gateway.from_yaml(file)
    except ConfigError as error:
        texts += [str(error), repr(error), repr(error.problems), pickle.dumps(error)]
        texts += ["".join(traceback.format_exception(type(error), error, error.__traceback__))]
    assert texts, "it was accepted"
    main(["config", "check", str(file)])
    texts += capsys.readouterr()
    needles = Needles(PLANTED)
    assert [found for text in texts for found in needles.found(text)] == []


COMMANDS = (
    ("doctor",),
    ("doctor", "--json"),
    ("doctor", "--offline"),
    ("keys", "list"),
    ("config", "check"),
    ("recognize", "--trace"),
)


@pytest.mark.parametrize(
    "trouble", ["nothing", "a wrong secret", "a proxy that wants another password", "nobody there"]
)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret(
    command: tuple[str, ...],
    trouble: str,
    folder: Path,
    witness: Witness,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = TROUBLES[trouble]
    with BaiduSimulator(keys=[APP, SPARE]) as platform, Proxy(**plan.get("proxy", {})) as proxy:
        way = f"http://gateway:{PASSWORD}@{proxy.address}"
        options: dict[str, Any] = {"proxies": {"http": way}} if "proxy" in plan else {}
        file = str(settings(platform.url, folder, **options))
        main(["recognize", str(folder / "image.png"), "--config", file])
        go_wrong(platform, plan, monkeypatch)
        name, *rest = command
        image = [str(folder / "image.png")] if name == "recognize" else []
        where = [file] if name == "config" else ["--config", file]
        capsys.readouterr()
        main([name, *image, *rest, *where])
        needles = secrets(platform)
    told = capsys.readouterr()
    assert told.out + told.err
    witness.see(*told)
    everything_said(witness, caplog, capsys)
    assert searched(witness, needles, folder) == []


CRASH = """
import faulthandler, sys, threading
from ocrgate import Gateway
gateway = Gateway.from_yaml(sys.argv[1])
reading = threading.Thread(target=lambda: gateway.recognize(sys.argv[2]), daemon=True)
reading.start()
faulthandler.enable()
reading.join(0.5)
faulthandler.dump_traceback(all_threads=True)
import os
os.abort()
"""


def test_a_crash_dump_holds_no_secret(folder: Path) -> None:
    with BaiduSimulator(keys=[APP, SPARE], faults=[always("hang")]) as platform:
        file = settings(platform.url, folder, timeout="5s")
        command = [sys.executable, "-X", "dev", "-W", "ignore", "-c", CRASH, str(file), str(folder / "image.png")]
        died = subprocess.run(command, capture_output=True, timeout=60, check=False, cwd=folder)
        needles = secrets(platform)
    assert died.returncode < 0
    assert b"ocrgate_baidu" in died.stderr
    assert [*needles.found(died.stdout), *needles.found(died.stderr)] == []
    assert searched(Witness(), needles, folder) == []
