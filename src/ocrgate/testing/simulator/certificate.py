"""A self-signed certificate for the simulator, made by the `openssl` program."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
from pathlib import Path


def self_signed(directory: str | Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """Certificate and key file for `host`, valid for a month; the certificate is its own CA.

    Raises:
        RuntimeError: when there is no openssl program, or it fails.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise RuntimeError("the openssl program is needed to make a certificate; install it, or name your own files")
    certificate, key = Path(directory) / "certificate.pem", Path(directory) / "key.pem"
    try:
        kind = f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        kind = f"DNS:{host}"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "30", "-subj", "/CN=simulator", "-keyout", str(key), "-out", str(certificate)]
    command += ["-addext", f"subjectAltName={kind}", "-addext", "basicConstraints=critical,CA:TRUE"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if made.returncode:
        raise RuntimeError(f"openssl failed: {made.stderr.strip()}")
    return certificate, key
