"""What an adapter is handed."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from ocrgate.provider import Request

REQUEST = Request(b"pixels", "PNG", 4, 2, ("en",), {"detail": True}, "first", "id", 3)


def test_a_request_with_hooks_asks_the_same_and_tells_somebody_else() -> None:
    told: list[str] = []
    hooked = REQUEST.with_hooks(cancelled=lambda: True, on_sent=lambda: told.append("sent"))
    hooked.on_sent()
    assert hooked == REQUEST
    assert hooked is not REQUEST
    assert (hooked.cancelled(), REQUEST.cancelled(), told) == (True, False, ["sent"])
    assert [getattr(hooked, each.name) for each in dataclasses.fields(Request)[:9]] == [
        getattr(REQUEST, each.name) for each in dataclasses.fields(Request)[:9]
    ]


def test_a_request_that_crosses_to_another_process_leaves_its_hooks_behind() -> None:
    hooked = REQUEST.with_hooks(lambda: True, lambda _hook: None, lambda _use: None, lambda: None)
    arrived = pickle.loads(pickle.dumps(hooked.portable()))
    assert arrived == REQUEST
    assert not arrived.cancelled()


@pytest.mark.parametrize("request_", [REQUEST, REQUEST.with_hooks(lambda: True)])
def test_a_request_cannot_be_changed(request_: Request) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        request_.key = "second"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        request_.note = "new"  # type: ignore[attr-defined]
