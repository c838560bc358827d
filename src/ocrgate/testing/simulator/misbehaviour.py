"""Answers that are wrong by plan."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from ocrgate.testing.simulator import reply
from ocrgate.testing.simulator.fault import Fault
from ocrgate.testing.simulator.wire import Answer, Connection


def misbehave(
    connection: Connection,
    fault: Fault,
    right: Callable[[], Answer],
    note: Callable[[Answer], Answer],
    stopping: threading.Event,
) -> bool:
    """Answer as the fault says; whether the connection stays open.

    Args:
        connection: to the client.
        fault: of a kind that answers something.
        right: makes the answer a faultless server would give.
        note: puts the answer that is sent into the log.
        stopping: ends a drip.
    """
    if fault.kind == "drip":
        wire = note(replace(right(), code="drip")).encode()
        start = 0 if fault.where == "head" else wire.index(b"\r\n\r\n") + 4
        connection.write(wire[:start])
        for place in range(start, len(wire)):
            if stopping.wait(fault.interval):
                return False
            connection.write(wire[place : place + 1])
        return True
    if fault.kind == "truncate":
        answer = note(replace(right(), code="truncate"))
        left = len(answer.body) // 2 if fault.size is None else fault.size
        connection.write(replace(answer, body=answer.body[:left]).encode(declared=len(answer.body)))
        return False
    connection.write(note(_instead(fault, right)).encode())
    return True


def _instead(fault: Fault, right: Callable[[], Answer]) -> Answer:
    """The whole answer of a fault that changes the answer and leaves the connection alone."""
    json_type = {"Content-Type": "application/json; charset=utf-8", **fault.headers}
    status = fault.status or 200
    if fault.kind == "code":
        answer = Answer.of(reply.error(fault.code, fault.message), status, code=str(fault.code))
        return replace(answer, headers={**answer.headers, **fault.headers})
    if fault.kind == "token_poison":
        body = fault.body or '{"error":"server_error","error_description":"please try again later"}'
        return Answer(status, body.encode(), json_type, code="token_poison")
    if fault.kind in ("html", "token_html", "http"):
        status = fault.status or (502 if fault.kind == "html" else 503)
        page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
        body = page if fault.body is None else fault.body
        kind = "application/json" if body.lstrip().startswith("{") else "text/html"
        return Answer(status, body.encode(), {"Content-Type": kind, **fault.headers}, code=f"http_{status}")
    if fault.kind == "redirect":
        status = fault.status or 302
        return Answer(status, b"", {"Location": fault.body or "/elsewhere", **fault.headers}, code=f"http_{status}")
    if fault.kind == "bom":
        answer = right()
        return replace(answer, body=b"\xef\xbb\xbf" + answer.body)
    if fault.kind == "oversize":
        return Answer(status, b" " * (64_000_000 if fault.size is None else fault.size), json_type, code="oversize")
    bodies = {
        "empty": b"",
        "not_json": (fault.body or '{"log_id": 1, "words_result": [').encode(),
        "list": b'[{"words": "x"}]',
        "null": b"null",
        "nan": b'{"log_id": 1, "words_result_num": NaN, "words_result": []}',
    }
    return Answer(status, bodies[fault.kind], json_type, code=fault.kind)
