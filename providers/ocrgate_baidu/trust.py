"""What a certificate says for and against the server that showed it."""

from __future__ import annotations

import ssl

from ocrgate.ability import Finding
from ocrgate_baidu.probe import Certificate

SOON = 14.0
"""Days before its end from which a certificate is worth a warning."""

_DAY = 86400.0
_BAIDU = (".baidubce.com", ".baidu.com")
_PUBLIC = ("digicert", "globalsign", "geotrust", "sectigo", "let's encrypt", "trustasia", "cfca", "entrust", "rapidssl")
_EXPIRED, _NOT_YET, _OTHER_NAME = (10,), (9,), (62, 64)
"""Codes of OpenSSL's verification."""

Refusal = tuple[str, str]
"""What was found, and the remedy."""


def judged(shown: Certificate, host: str, now: float) -> Finding:
    """The finding on a server's certificate; a surprising issuer is no more than a hint.

    Args:
        shown: the certificate.
        host: of the server.
        now: Unix time in seconds.
    """
    days = (shown.until - now) / _DAY
    detail = f"{shown.subject}, issued by {shown.issuer}, "
    if days < 0:
        return Finding("certificate", "warn", f"{detail}expired {int(-days)} days ago", "renew it")
    detail += f"expires in {int(days)} days"
    if days < SOON:
        return Finding("certificate", "warn", detail, "see that it is renewed before")
    if host.endswith(_BAIDU) and not any(name in shown.issuer.lower() for name in _PUBLIC):
        remedy = "the platform's own come from a public CA; ask whether a proxy of your network reads along"
        return Finding("certificate", "warn", detail, remedy)
    return Finding("certificate", "pass", detail)


def untrusted(error: OSError, shown: Certificate | None) -> Refusal:
    """Why TLS was not agreed upon, and what to do.

    Args:
        error: of the handshake.
        shown: the certificate that was not accepted, as far as it could be seen.
    """
    if isinstance(error, TimeoutError):
        return "no handshake in time", "look whether a firewall, or a proxy, swallows TLS to this host"
    if not isinstance(error, ssl.SSLCertVerificationError):
        remedy = "look whether the port speaks TLS, and what stands between this host and the server"
        return f"the handshake failed: {said(error)}", remedy
    issuer = f"; issued by {shown.issuer}" if shown else ""
    detail = f"the certificate is not accepted: {error.verify_message}{issuer}"
    if error.verify_code in _EXPIRED:
        return detail, "renew it, where the server is your own; else look at the clock of this host"
    if error.verify_code in _NOT_YET:
        return detail, "set the clock of this host"
    if error.verify_code in _OTHER_NAME:
        return detail, "look at the host in `base_url`; somebody else may be answering in its place"
    return detail, (
        "where your network inspects TLS, or the server is your own, name its CA in `tls.ca_bundle`; do not switch "
        "the verification off"
    )


def said(error: OSError) -> str:
    """What the system or the TLS library said."""
    return str(error.reason or error) if isinstance(error, ssl.SSLError) else str(error.strerror or error)
