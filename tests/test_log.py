"""The log of the program."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from ocrgate.log import logging_as
from ocrgate.settings import LoggingSettings


def test_json_lines_go_to_the_file_and_the_handler_leaves_no_trace(tmp_path: Path) -> None:
    log, path = logging.getLogger("ocrgate.test"), tmp_path / "log.jsonl"
    handlers = list(logging.getLogger("ocrgate").handlers)
    with logging_as(LoggingSettings(level="DEBUG", format="json", file=str(path))):
        log.debug("read %s", "页")
        try:
            raise ValueError("why")
        except ValueError:
            log.exception("failed")
    assert logging.getLogger("ocrgate").handlers == handlers
    first, second = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    assert (first["level"], first["logger"], first["message"]) == ("DEBUG", "ocrgate.test", "read 页")
    assert first["time"].endswith("+00:00")
    assert "ValueError: why" in second["error"]


def test_messages_below_the_level_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with logging_as(LoggingSettings(level="WARNING", file=str(path))):
        logging.getLogger("ocrgate").info("not this")
        logging.getLogger("ocrgate").warning("but this")
    assert path.read_text(encoding="utf-8") == "WARNING ocrgate: but this\n"
