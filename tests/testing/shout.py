"""An adapter as a third party would write it; docs/providers.md shows the same."""

from ocrgate import Adapter, Capabilities, Deadline, Diagnosis, Line, Page, Polygon, ProviderError, Request


class ShoutProvider(Adapter):
    """Reads every image as the word HELLO, as large as the dark part of the image."""

    capabilities = Capabilities(languages=frozenset({"en"}))

    def __init__(self, name: str = "shout", loudness: float = 0.5) -> None:
        self.name = name
        self.loudness = loudness

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        try:
            box = request.image().convert("L").point(lambda level: 255 if level < 128 else 0).getbbox()
        except (ValueError, OSError) as error:
            raise ProviderError(
                self.name, Diagnosis("bad_image", str(error), "image", "caller", "fix_request")
            ) from error
        if box is None:
            return Page(width=request.width, height=request.height)
        left, top, right, bottom = box
        line = Line("HELLO", Polygon.from_box(left, top, right - left, bottom - top), self.loudness)
        return Page(lines=(line,), width=request.width, height=request.height)
