"""What a file is, by its content; the suffix of its name is never looked at."""

from __future__ import annotations

import codecs
import re

from PIL import Image

from ocrgate.errors import InvalidImage

PDF = "PDF"
_CONVERT = "convert it to PNG or JPEG"

_IMAGES = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"II[*+]\0|MM\0[*+]|II\0\*|MM\*\0", re.DOTALL), "TIFF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"P[1-6fFy0]\s?"), "PPM"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "JPEG2000"),
    (re.compile(rb"....ftyp(avif|avis)", re.DOTALL), "AVIF"),
    (re.compile(rb"....ftyp(heic|heix|hevc|hevx|heim|heis|mif1|msf1)", re.DOTALL), "HEIF"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "JXL"),
    (re.compile(rb"\x00\x00\x01\x00"), "ICO"),
    (re.compile(rb"icns"), "ICNS"),
    (re.compile(rb"8BPS"), "PSD"),
    (re.compile(rb"qoif"), "QOI"),
)
_OTHERS = (
    (re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"), "a PostScript file", "convert it to PDF or PNG"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive (perhaps an Office document)", "unpack it, or save it as PDF"),
    (re.compile(rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!"), "a compressed archive", "unpack it first"),
    (re.compile(rb"\xd0\xcf\x11\xe0"), "an old Office document", "save it as PDF"),
    (re.compile(rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ", re.DOTALL), "a video", "take a picture out of it"),
    (re.compile(rb"\xd7\xcd\xc6\x9a|\x01\x00\x09\x00"), "a Windows metafile", _CONVERT),
    (re.compile(rb"\x7fELF|MZ"), "a program", "check the path"),
    (re.compile(rb"(?i)\{\\rtf"), "an RTF document", "save it as PDF"),
)
_TEXTS = (
    (
        re.compile(r"(?is)\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!doctype svg[^>]*>\s*)?<svg"),
        "an SVG drawing",
        _CONVERT,
    ),
    (
        re.compile(r"(?i)\s*(<!doctype html|<html|<head|<body)"),
        "an HTML page (perhaps an error page)",
        "check its source",
    ),
    (re.compile(r"\s*<\?xml"), "an XML file", "check the path"),
    (re.compile(r"\s*[{\[]"), "a JSON text", "take the image out of it"),
    (re.compile(r"(?i)\s*data:"), "a data URI", "decode the base64 behind its comma"),
    (re.compile(r"(?i)\s*(https?|ftp)://"), "an address", "download it and hand in the bytes"),
    (re.compile(r"\s*[A-Za-z0-9+/\-_]{64}[A-Za-z0-9+/\-_=\s]*\Z"), "base64 text", "decode it first"),
)
# These run other programs, belong to no picture, or take any bytes at all.
_NEVER = {"EPS", "WMF", "MPEG", "BUFR", "GRIB", "HDF5", "MCIDAS", "IPTC"}


def sniff(data: bytes) -> str:
    """Pillow's name of the format, or `PDF`.

    Raises:
        InvalidImage: when it is no image, or one that nothing here can decode; says what it is instead.
    """
    head = data[:1024]
    for magic, name in _IMAGES:
        if magic.match(head):
            return _decodable(name)
    if b"%PDF-" in head:
        return PDF
    for magic, what, remedy in _OTHERS:
        if magic.match(head):
            raise InvalidImage(f"this is {what}, not an image; {remedy}")
    if data[-18:-2] == b"TRUEVISION-XFILE":
        return _decodable("TGA")
    Image.init()
    prefix = head[:16].ljust(16, b"\0")
    for name, (_factory, accept) in list(Image.OPEN.items()):
        if accept is not None and name not in _NEVER and accept(prefix) is True:
            return name
    _refuse_text(head)
    raise InvalidImage("this is no image of a known kind, or its beginning is damaged; send PNG, JPEG, TIFF or PDF")


def _decodable(name: str) -> str:
    for load in (Image.preinit, Image.init):
        if name not in Image.OPEN:
            load()
    if name in Image.OPEN:
        return name
    hint = {"HEIF": "; or install pillow-heif and call its register_heif_opener()"}.get(name, "")
    raise InvalidImage(f"this is a {name} image, which the installed Pillow cannot decode; {_CONVERT}{hint}")


def _refuse_text(head: bytes) -> None:
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = head.decode(encoding, errors="ignore")
    for pattern, what, remedy in _TEXTS:
        if pattern.match(text):
            raise InvalidImage(f"this is {what}, not an image; {remedy}")
    if encoding == "utf-16" or (b"\0" not in head and _mostly_printable(head, text)):
        raise InvalidImage("this is text, not an image; check the path")


def _mostly_printable(head: bytes, text: str) -> bool:
    printable = sum(len(char.encode()) for char in text if char.isprintable() or char.isspace())
    return printable >= 0.95 * len(head.removeprefix(codecs.BOM_UTF8))
