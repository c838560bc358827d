"""What a picture file is and how large, read from its first bytes."""

from __future__ import annotations

import struct


def sniff(data: bytes) -> tuple[str, int, int] | None:
    """Format (`PNG`, `JPEG`, `BMP`), width and height in pixels, or None when it is none of these."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack(">II", data[16:24])
            return "PNG", width, height
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith(b"BM"):
            width, height = struct.unpack("<ii", data[18:26])
            return "BMP", width, abs(height)
    except struct.error:
        return None
    return None


def _jpeg(data: bytes) -> tuple[str, int, int] | None:
    place = 2
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD9 or marker == 0x01:
            place += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack(">H", data[place + 2 : place + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return "JPEG", width, height
        place += 2 + length
    return None
