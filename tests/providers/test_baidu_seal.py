"""What is sealed with a credential is of no use to whoever does not have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.keys.shared import Seal, SharedToken
from ocrgate.keys.token import Token
from ocrgate.state import SQLiteStore
from ocrgate.testing import ManualClock
from ocrgate_baidu.seal import CredentialSeal, available, fingerprint

API_KEY, SECRET_KEY = "an-api-key-of-24-letters", "a-secret-key-of-32-letters-in-all"
SEAL = CredentialSeal(API_KEY, SECRET_KEY)


@given(st.text())
def test_what_is_sealed_can_be_opened_by_another_process_with_the_credential(text: str) -> None:
    assert CredentialSeal(API_KEY, SECRET_KEY).open(SEAL.seal(text)) == text


def test_it_is_a_seal() -> None:
    assert isinstance(SEAL, Seal)
    assert available()


@pytest.mark.parametrize("other", [(API_KEY, "another"), ("another", SECRET_KEY), (SECRET_KEY, API_KEY), ("", "")])
def test_another_credential_opens_nothing(other: tuple[str, str]) -> None:
    assert CredentialSeal(*other).open(SEAL.seal("token")) is None


def test_nothing_of_the_text_or_the_credential_is_to_be_seen() -> None:
    sealed = SEAL.seal("a-secret-token")
    assert "secret" not in sealed
    assert sealed.isascii()
    assert sealed != SEAL.seal("a-secret-token"), "equal texts cannot be told to be equal"
    assert API_KEY not in repr(SEAL) + repr(vars(SEAL).keys())
    assert SECRET_KEY not in repr(SEAL)


def test_the_state_file_holds_no_token_in_the_clear(tmp_path: Path) -> None:
    clock = ManualClock()
    store = SQLiteStore(tmp_path / "state.db", clock)
    text = "24.b2f7c1a9d8e64f3f9a7b.2592000.1767225600.282335-11483"
    shared = SharedToken(store, fingerprint(API_KEY, SECRET_KEY), SEAL, clock)
    shared.offer(Token(text, clock.monotonic() + 1000))
    found = shared.load()
    assert found is not None
    assert found.token.text == text
    for closed in (False, True):
        if closed:
            store.close()
        content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert content
        for secret in (text, text[3:23], API_KEY, SECRET_KEY):
            assert secret.encode() not in content
            assert secret.encode().hex().encode() not in content


@given(st.text())
def test_what_was_never_sealed_opens_to_nothing(text: str) -> None:
    assert SEAL.open(text) is None
    assert SEAL.open("1." + text) is None


@pytest.mark.parametrize("text", ["", "t", "to", "token"])
def test_what_was_changed_anywhere_opens_to_nothing(text: str) -> None:
    sealed = SEAL.seal(text)
    assert SEAL.open(sealed) == text
    for place in range(len(sealed)):
        assert SEAL.open(sealed[:place]) is None
        for bit in range(7):
            changed = sealed[:place] + chr(ord(sealed[place]) ^ (1 << bit)) + sealed[place + 1 :]
            assert SEAL.open(changed) is None, (place, bit)
    assert SEAL.open(sealed + "A") is None
    assert SEAL.open(sealed + sealed) is None


def test_without_the_library_nothing_opens_and_no_token_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sealed = SEAL.seal("token")
    # What Python finds in the place of a package that is not installed.
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"] + ["cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    seal = CredentialSeal(API_KEY, SECRET_KEY)
    assert seal.open(sealed) is None
    with pytest.raises(ImportError):
        seal.seal("token")
    clock = ManualClock()
    store = SQLiteStore(tmp_path / "state.db", clock)
    SharedToken(store, "0123456789ab", seal, clock).offer(Token("token", clock.monotonic() + 10))
    assert dict(store.scan("")) == {}
    assert "not shared" in caplog.text
    store.close()


def test_the_library_is_loaded_by_the_first_use() -> None:
    code = (
        "import sys; from ocrgate_baidu.seal import CredentialSeal, available, fingerprint;"
        "seal = CredentialSeal('a', 'b'); fingerprint('a', 'b'); available();"
        "assert 'cryptography' not in sys.modules; seal.seal('x'); assert 'cryptography' in sys.modules"
    )
    env = {"PYTHONPATH": ":".join(str(Path(entry).resolve()) for entry in sys.path if entry)}
    subprocess.run([sys.executable, "-c", code], check=True, env=env, timeout=60)


def test_a_fingerprint_tells_keys_apart_and_nothing_else() -> None:
    mark = fingerprint(API_KEY, SECRET_KEY)
    assert mark == fingerprint(API_KEY, SECRET_KEY)
    assert len(mark) == 12
    assert set(mark) <= set("0123456789abcdef")
    others = [("", ""), (API_KEY, ""), ("", SECRET_KEY), (SECRET_KEY, API_KEY), (API_KEY + "a", SECRET_KEY)]
    assert len({mark, *(fingerprint(*other) for other in others)}) == 6


def test_a_fingerprint_cannot_be_had_from_the_api_key_alone() -> None:
    import hashlib

    mark = fingerprint(API_KEY, SECRET_KEY)
    for name in hashlib.algorithms_guaranteed:
        if not name.startswith("shake"):
            assert not hashlib.new(name, API_KEY.encode()).hexdigest().startswith(mark)
    assert mark != fingerprint(API_KEY, "guess")
