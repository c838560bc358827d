"""Environment variables that change what happens: keys, proxies and certificates. No value of a key is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ocrgate.ability import Finding
from ocrgate.embedded import BAIDU_VARIABLES

_PLACEHOLDER = re.compile(r"(your|my|xxx+|<.*>|\$\{?\w+\}?|changeme|\*+|\.\.\.|…)", re.IGNORECASE)
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def environment(environ: Mapping[str, str]) -> Iterator[Finding]:
    """The findings on the environment of this process.

    Args:
        environ: its variables.
    """
    yield _keys(environ)
    yield from _proxies(environ)
    yield from _bundles(environ)


def _keys(environ: Mapping[str, str]) -> Finding:
    name, every = "variables", ", ".join(BAIDU_VARIABLES)
    given = {variable: environ.get(variable, "") for variable in BAIDU_VARIABLES}
    missing = [variable for variable, value in given.items() if not value.strip()]
    if len(missing) == len(given):
        return Finding(name, "pass", f"{every} are not set: without `keys` in the configuration, Baidu is not asked")
    if missing:
        there = ", ".join(variable for variable in given if variable not in missing)
        return Finding(name, "warn", f"{there} set, {', '.join(missing)} not", f"set all three, or none: {every}")
    stand_ins = [variable for variable, value in given.items() if _PLACEHOLDER.match(value.strip())]
    if stand_ins:
        return Finding(
            name,
            "fail",
            f"{', '.join(stand_ins)} still hold{'s' if len(stand_ins) == 1 else ''} a placeholder",
            "copy the values from the application's page in the console",
        )
    padded = [variable for variable, value in given.items() if value != value.strip() or value[0] in "\"'"]
    if padded:
        detail = f"{', '.join(padded)} with white space or quotation marks around the value"
        return Finding(name, "warn", detail, "set the value alone")
    return Finding(name, "pass", f"{every} are set")


def _proxies(environ: Mapping[str, str]) -> Iterator[Finding]:
    found = False
    for variable in _PROXIES:
        lower, upper = environ.get(variable.lower(), ""), environ.get(variable, "")
        if not (lower or upper):
            continue
        found = True
        shown = _shown(lower or upper)
        if lower and upper and lower != upper:
            detail = f"{variable} and {variable.lower()} differ; the latter counts: {shown or 'no URL'}"
            yield Finding("proxy", "warn", detail, "set both to the same, or one of them only")
        elif shown is None:
            yield Finding("proxy", "warn", f"{variable} is no URL", f"write {variable}=http://HOST:PORT")
        elif not shown.startswith(("http://", "https://")):
            detail = f"{variable} names {shown}, of a kind that the cloud engines here do not use"
            yield Finding("proxy", "warn", detail, "name an http:// proxy")
        else:
            yield Finding("proxy", "pass", f"{variable} names {shown}")
    spared = environ.get("no_proxy") or environ.get("NO_PROXY", "")
    if spared and found:
        yield Finding("proxy", "pass", f"NO_PROXY spares {spared}")
    elif not found:
        yield Finding("proxy", "pass", "none in the environment")


def _shown(url: str) -> str | None:
    """A proxy's URL without the login in it; None when it is none."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    login = " with a login" if parts.username or parts.password else ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{login}"


def _bundles(environ: Mapping[str, str]) -> Iterator[Finding]:
    there: dict[str, list[str]] = {}
    for variable in _BUNDLES:
        value = environ.get(variable, "")
        if not value:
            continue
        place = Path(value)
        if place.is_dir() if variable == "SSL_CERT_DIR" else place.exists():
            there.setdefault(value, []).append(variable)
        else:
            detail = f"{variable} names {value}, which is not there"
            yield Finding("certificates", "fail", detail, f"correct {variable}, or unset it")
    named = [f"{', '.join(variables)}: {value}" for value, variables in there.items()]
    yield Finding("certificates", "pass", "; ".join(named) or "no variable names any of its own")
