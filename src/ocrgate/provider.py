"""The contract between the gateway and an engine.

An adapter is a class with a name, its capabilities and `recognize`. It is built cheaply (no engine is loaded, no
connection opened) and used in one of two ways, which its capabilities choose: in a thread of the host program, or,
for engines that can hang, crash or leak, in a worker process that builds its own copy from the same options.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from ocrgate.clock import Deadline
from ocrgate.key import Key, KeyUse
from ocrgate.page import Page

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image
    from pydantic import BaseModel

RAW = "RAW"
"""The format of uncompressed 8-bit RGB pixels, row by row; what engines on this host are handed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine takes; the gateway fits every image to it before the engine is asked.

    Attributes:
        formats: names as Pillow writes them (`PNG`, `JPEG`, `BMP`) or `RAW`.
        max_bytes: of the encoded image, or None.
        max_encoded_bytes: of the image after base64 and then percent-encoding, or None.
        min_side, max_side: shortest and longest side in pixels.
        max_pixels: width × height above which the image is scaled down, or None.
        max_aspect: longer side over shorter side above which the image is cut into overlapping tiles, or None.
    """

    formats: tuple[str, ...] = (RAW,)
    max_bytes: int | None = None
    max_encoded_bytes: int | None = None
    min_side: int = 1
    max_side: int = 32767
    max_pixels: int | None = None
    max_aspect: float | None = None

    def __post_init__(self) -> None:
        if not self.formats:
            raise ValueError("formats: name at least one")
        if not 1 <= self.min_side <= self.max_side:
            raise ValueError(f"1 <= min_side <= max_side does not hold: {self.min_side}, {self.max_side}")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do; constant for the life of the adapter.

    Attributes:
        limits: what it takes.
        languages: BCP 47 tags it reads, or None when it reads whatever it is given.
        cloud: whether pixels leave this host; a route with `residency: local` never plans such an engine.
        isolation: `thread`, or `process` for an engine that could hang, crash or leak.
        lanes: calls it should have in flight at once unless configured.
        polygons, confidence: whether its lines carry them.
    """

    limits: Limits = Limits()
    languages: frozenset[str] | None = None
    cloud: bool = False
    isolation: Literal["thread", "process"] = "thread"
    lanes: int = 2
    polygons: bool = True
    confidence: bool = True


def _ignore(_hook: Callable[[], None]) -> None:
    return None


def _untold() -> None:
    return None


def _unheard(_use: KeyUse) -> None:
    return None


@dataclass(frozen=True)
class Request:
    """One image for one engine; immutable, so it can be sent again.

    Attributes:
        data: the image in `format`.
        format: `RAW` or a Pillow format name.
        width, height: in pixels.
        languages: BCP 47 tags, most important first; empty for the engine's own default.
        options: the engine's own request options.
        key: name of the credential to use, or None for engines without.
        request_id: the same in every attempt of one call.
        page: of a document, from 1, for formats that hold several; 1 otherwise.
        on_sent: called by an adapter that sends the image somewhere, when the request begins to go out.
        on_use: hears of every use of a credential, in the thread that used it; see `KeyUse`.
        cancelled: asks whether the caller has given up; engines that can stop early may look at it.
        on_cancel: registers a function to run, in another thread, when the caller gives up.
    """

    data: bytes = field(repr=False)
    format: str
    width: int
    height: int
    languages: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    request_id: str = ""
    page: int = 1
    cancelled: Callable[[], bool] = field(default=bool, repr=False, compare=False)
    on_cancel: Callable[[Callable[[], None]], object] = field(default=_ignore, repr=False, compare=False)
    on_use: Callable[[KeyUse], None] = field(default=_unheard, repr=False, compare=False)
    on_sent: Callable[[], None] = field(default=_untold, repr=False, compare=False)

    def with_hooks(
        self,
        cancelled: Callable[[], bool] = bool,
        on_cancel: Callable[[Callable[[], None]], object] = _ignore,
        on_use: Callable[[KeyUse], None] = _unheard,
        on_sent: Callable[[], None] = _untold,
    ) -> Request:
        """The same request for one call, with those who follow it and nobody else."""
        # Every call makes one, and setting thirteen fields of something frozen is felt in what a call costs.
        twin = object.__new__(type(self))
        vars(twin).update(vars(self), cancelled=cancelled, on_cancel=on_cancel, on_use=on_use, on_sent=on_sent)
        return twin

    def portable(self) -> Request:
        """The request as it can cross a process boundary: there, giving up means that the process is killed."""
        return self.with_hooks()

    def image(self) -> PIL.Image.Image:
        """The image as a Pillow image, RGB."""
        from PIL import Image

        if self.format == RAW:
            return Image.frombytes("RGB", (self.width, self.height), self.data)
        with Image.open(io.BytesIO(self.data)) as image:
            return image.convert("RGB")

    def array(self) -> np.ndarray[Any, Any]:
        """The image as a numpy array of shape (height, width, 3), uint8, channels red, green, blue."""
        import numpy as np

        if self.format == RAW:
            return np.frombuffer(self.data, dtype=np.uint8).reshape(self.height, self.width, 3)
        return np.asarray(self.image())


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether an engine could be asked on this machine as it is configured.

    Attributes:
        ready: False when asking is pointless (package, program, language, model or key missing).
        detail: what is there, or what is missing.
        remedy: the command or setting that mends it.
    """

    ready: bool
    detail: str = ""
    remedy: str = ""


@runtime_checkable
class Provider(Protocol):
    """An engine adapter. `Adapter` supplies all of it but `recognize`.

    Every method may be called from several threads at once.
    """

    name: str

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def keys(self) -> Sequence[Key]:
        """The credentials, in order of preference; empty for an engine that needs none."""
        ...

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        """Read one image.

        Returns:
            The page in the pixels of `request`; no lines when the engine found nothing to read.

        Raises:
            ProviderError: and nothing else.
        """
        ...

    def check(self) -> Readiness:
        """Whether the engine could be asked, found out without loading it and without the network."""
        ...

    def warm_up(self) -> None:
        """Load what the first call would otherwise load. Raises ProviderError."""
        ...

    def close(self) -> None:
        """Give back what the adapter holds."""
        ...


class Adapter:
    """A base for adapters: documented defaults for all that an engine may not care about."""

    name = "adapter"
    capabilities = Capabilities()

    @classmethod
    def options_model(cls) -> type[BaseModel] | None:
        """A pydantic model of the options that the configuration may set; None takes anything."""
        return None

    @property
    def keys(self) -> Sequence[Key]:
        return ()

    def check(self) -> Readiness:
        return Readiness(True)

    def warm_up(self) -> None:
        """Nothing to load ahead of use."""

    def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """How to build an adapter, here or in a worker process.

    Attributes:
        name: the configured name.
        factory: `module:callable`; called as `callable(name=name, **options)`.
        options: what the configuration says, without the settings that are the gateway's own; in no repr, for secrets
            may be among them.
    """

    name: str
    factory: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def build(self) -> Provider:
        """Import the factory and call it.

        Raises:
            ConfigError: (from the adapter) when the options make no sense.
            ImportError: when the module cannot be imported.
        """
        from importlib import import_module

        module, _, attribute = self.factory.partition(":")
        factory = getattr(import_module(module), attribute)
        provider: Provider = factory(name=self.name, **self.options)
        return provider
