"""Certificates made for a test: an authority, and servers that it vouches for."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Pair = tuple[Path, Path]


class Authority:
    """Vouches for servers. Its own certificate is in the file `bundle`.

    Args:
        folder: where files go.
        organisation: what it calls itself.
    """

    def __init__(self, folder: Path, organisation: str = "Test Authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)])
        now = dt.datetime.now(dt.timezone.utc)
        made = (
            _builder(self._name, self._name, self._key, now - dt.timedelta(days=400), now + dt.timedelta(days=400))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = folder / f"{organisation.replace(' ', '-')}.pem"
        self.bundle.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def server(self, *, host: str = "127.0.0.1", days: float = 90.0, since: float = -200.0) -> Pair:
        """Certificate and key file of a server, valid from `since` to `days`, both in days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        now = dt.datetime.now(dt.timezone.utc)
        try:
            known: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            known = x509.DNSName(host)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = (
            _builder(subject, self._name, key, now + dt.timedelta(days=since), now + dt.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([known]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = f"{host}-{days}-{since}"
        pair = self._folder / f"{stem}.crt", self._folder / f"{stem}.key"
        pair[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
        pair[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pair


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, since: dt.datetime, until: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )
