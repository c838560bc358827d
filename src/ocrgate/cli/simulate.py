"""`ocrgate simulate`: a local server that speaks Baidu's protocol, for development and drills."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.provider import Provider
    from ocrgate.testing.simulator import Reader, SimulatedKey

ENGINES = ("rapidocr", "tesseract", "easyocr")
_READ_TIME = 60.0


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `simulate` and its platforms; each sets `run`, a function from the arguments to an exit code."""
    parser = subparsers.add_parser("simulate", help="a local server that speaks a cloud engine's protocol")
    platforms = parser.add_subparsers(title="platforms", metavar="PLATFORM", required=True)

    baidu = platforms.add_parser("baidu", help="token and OCR endpoints of Baidu; set it as `base_url`")
    baidu.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    baidu.add_argument("--port", type=_port, default=8866, metavar="N", help="0 takes a free one (%(default)s)")
    baidu.add_argument("--faults", metavar="F", help="a YAML file that says what goes wrong, and when")
    baidu.add_argument("--seed", type=int, default=0, metavar="N", help="of the chance behind `share` (%(default)s)")
    baidu.add_argument(
        "--text",
        choices=("engine", "canned"),
        default="engine",
        help="read images with a local engine, or answer the same two lines always (%(default)s)",
    )
    baidu.add_argument(
        "--key",
        action="append",
        metavar="NAME:API_KEY:SECRET_KEY",
        help="an application that exists; may be repeated (one with simulated-api-key and simulated-secret-key)",
    )
    baidu.add_argument("--qps", type=float, metavar="N", help="calls a second for each key")
    baidu.add_argument("--per-day", type=int, metavar="N", help="calls a day for each key")
    baidu.add_argument("--total", type=int, metavar="N", help="calls in all for each key")
    baidu.add_argument("--token-life", type=float, default=2_592_000, metavar="S", help="seconds (%(default)s)")
    baidu.add_argument("--tls", action="store_true", help="serve HTTPS; makes a self-signed certificate with openssl")
    baidu.add_argument("--certificate", metavar="F", help="PEM file to use with --tls in its place")
    baidu.add_argument("--private-key", metavar="F", help="PEM file that belongs to --certificate")
    baidu.set_defaults(run=_baidu)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("a number from 0 to 65535")
    return int(text)


def _baidu(args: argparse.Namespace, wait: Callable[[], object] | None = None) -> int:
    """Serve until `wait` returns or the user interrupts."""
    from ocrgate.testing.simulator import BaiduSimulator, Plan, canned

    keys = _keys(args)
    plan = Plan.load(args.faults, args.seed) if args.faults else None
    reader, what = _reader() if args.text == "engine" else (canned, "the same two lines for every image")
    with tempfile.TemporaryDirectory(prefix="ocrgate-simulator-") as directory:
        try:
            certificate = _certificate(args, directory)
            simulator = BaiduSimulator(
                keys,
                plan,
                reader,
                host=args.host,
                port=args.port,
                certificate=certificate,
                token_life=args.token_life,
                seed=args.seed,
            )
            simulator.start()
        except (OSError, RuntimeError) as error:
            print(f"cannot serve on {args.host}:{args.port}: {error}", file=sys.stderr)
            return 2
        print(f"Baidu's protocol at {simulator.url}")
        for key in keys:
            print(f"key {key.name}: api_key {key.api_key}  secret_key {key.secret_key}")
        if certificate is not None:
            print(f"certificate: {certificate[0]} (name it as tls.ca_bundle)")
        print(f"text: {what}")
        print(f"faults: {len(plan.rules)} rules from {args.faults}" if plan else "faults: none", flush=True)
        try:
            (wait or threading.Event().wait)()
        except KeyboardInterrupt:
            pass
        finally:
            simulator.stop()
        counts = ", ".join(f"{code} {count}" for code, count in sorted(simulator.counts.items()))
        print(f"answered: {counts or 'nothing'}")
    return 0


def _keys(args: argparse.Namespace) -> tuple[SimulatedKey, ...]:
    from ocrgate.errors import ConfigError
    from ocrgate.testing.simulator import SimulatedKey

    plain = SimulatedKey()
    keys = []
    for text in args.key or (f"{plain.name}:{plain.api_key}:{plain.secret_key}",):
        parts = text.split(":")
        if len(parts) != 3 or not all(parts):
            raise ConfigError("--key wants NAME:API_KEY:SECRET_KEY")
        name, api_key, secret_key = parts
        keys.append(SimulatedKey(name, api_key, secret_key, qps=args.qps, per_day=args.per_day, total=args.total))
    return tuple(keys)


def _certificate(args: argparse.Namespace, directory: str) -> tuple[Path, Path] | None:
    from ocrgate.errors import ConfigError
    from ocrgate.testing.simulator import self_signed

    if bool(args.certificate) != bool(args.private_key):
        raise ConfigError("--certificate and --private-key belong together")
    if args.certificate:
        return Path(args.certificate), Path(args.private_key)
    return self_signed(directory, args.host) if args.tls else None


def _reader() -> tuple[Reader, str]:
    """A reader through the first local engine that is ready here, or canned lines; and what it is, in words."""
    from ocrgate.catalog import build, factories, spec_of
    from ocrgate.errors import ConfigError
    from ocrgate.settings import ProviderSettings
    from ocrgate.testing.simulator import canned

    for name in ENGINES:
        if name not in factories():
            continue
        try:
            provider = build(spec_of(ProviderSettings(name, name)))
        except ConfigError:
            continue
        if provider.check().ready:
            return _through(provider), f"read by {name}"
    return canned, "the same two lines for every image (no local engine is ready)"


def _through(provider: Provider) -> Reader:
    """A reader that asks a provider, one image at a time."""
    from ocrgate.clock import Deadline
    from ocrgate.picture import open_document
    from ocrgate.provider import Request

    turn = threading.Lock()

    def read(image: bytes) -> list[dict[str, Any]]:
        with turn, open_document(image) as document:
            picture = next(iter(document.pages()))
            fitted = picture.fit(provider.capabilities.limits)
            deadline = Deadline.after(_READ_TIME)
            pages = [
                provider.recognize(Request(tile.data, tile.format, tile.width, tile.height), deadline)
                for tile in fitted.tiles
            ]
            lines = fitted.join(pages).lines
        return [
            {
                "words": line.text,
                "vertexes": None if line.polygon is None else [tuple(point) for point in line.polygon],
                "probability": line.confidence,
            }
            for line in lines
        ]

    return read
