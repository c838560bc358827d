"""The SDK's own class, left with the one thing it is good at: it knows how each endpoint is asked.

`AipOcr` builds the request and hands it to a wire of ours. It never sees a key or a token, opens no connection,
keeps nothing between calls and reads no reply, so nothing that it does with those can go wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from ocrgate.clock import Deadline
from ocrgate_baidu.endpoints import Endpoint
from ocrgate_baidu.failure import failed
from ocrgate_baidu.quiet import quietly
from ocrgate_baidu.reply import Reply, answer
from ocrgate_baidu.transport import Transport


class _Response:
    """What the SDK takes for a response; its content has been judged and read already."""

    def __init__(self, content: Reply) -> None:
        self.content = content

    def close(self) -> None:
        """The transport has given the connection back."""


class _Wire:
    """What the SDK takes for `requests` and for its session."""

    def __init__(self, transport: Transport, token: str, deadline: Deadline, on_cancel: Any) -> None:
        self._transport = transport
        self._secret_query = f"access_token={token}"
        self._deadline = deadline
        self._on_cancel = on_cancel

    def post(self, url: str, data: Mapping[str, Any], params: Mapping[str, str], **_rest: Any) -> _Response:
        reply = self._transport.post(
            urlsplit(url).path,
            data,
            self._deadline,
            query=params,
            secret_query=self._secret_query,
            on_cancel=self._on_cancel,
        )
        return _Response(answer(reply))


@cache
def _prototype() -> Any:
    with quietly():
        from aip import AipOcr

    class Client(AipOcr):  # type: ignore[misc]
        """Asks with a token that somebody else owns."""

        def _auth(self, refresh: bool = False) -> dict[str, str]:
            return {}

        def _isPermission(self, authObj: object) -> bool:  # noqa: N802, N803
            return True

        def _getParams(self, authObj: object) -> dict[str, str]:  # noqa: N802, N803
            return {}

        def _getAuthHeaders(self, *_arguments: Any, **_options: Any) -> dict[str, str]:  # noqa: N802
            return {}

        def _proccessResult(self, content: Reply) -> Reply:  # noqa: N802
            return content

    client = Client("", "", "")
    client._isCloudUser = False
    return client


def load() -> None:
    """Import the SDK.

    Raises:
        Failed: `engine_missing` when it, or what it needs, is not installed.
    """
    try:
        _prototype()
        return
    except (ImportError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
    raise failed("engine_missing", f'{reason}; pip install "ocrgate[baidu]"')


def ask(
    transport: Transport,
    token: str,
    endpoint: Endpoint,
    image: bytes,
    options: Mapping[str, str],
    deadline: Deadline,
    on_cancel: Callable[[Callable[[], None]], object] | None = None,
) -> Reply:
    """Ask an endpoint about one image, once.

    Args:
        transport: sends the request.
        token: access token.
        endpoint: which one.
        image: file content in a format that it takes.
        options: checked, all texts; those that the endpoint requires among them.
        deadline: of the whole exchange.
        on_cancel: see `Request.on_cancel`.

    Raises:
        Failed: with the diagnosis.
    """
    load()
    # A copy a call: the SDK has nothing left to mix up between threads.
    client = copy.copy(_prototype())
    client.s = client._AipBase__client = _Wire(transport, token, deadline, on_cancel)
    rest = dict(options)
    required = [rest.pop(name) for name in endpoint.positional]
    # Some of its methods take no options at all.
    further = (rest,) if rest else ()
    reply: Reply = getattr(client, endpoint.image)(image, *required, *further)
    return reply
