"""Imports of libraries that would otherwise change the host program or complain in its place."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ocrgate import fork

_lock = fork.Lock()


@contextmanager
def quietly() -> Iterator[None]:
    """Import inside of this: warning filters are afterwards what they were, and no warning gets out meanwhile.

    The SDK switches off all of urllib3's warnings for the whole process, and requests warns about the version of
    chardet that the SDK needs.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
