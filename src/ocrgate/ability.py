"""What an adapter may be able to do beyond reading images; each ability is a protocol of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from ocrgate.clock import Deadline

if TYPE_CHECKING:
    from ocrgate.provider import Request
    from ocrgate.result import Tariff
    from ocrgate.state.store import Store


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of an examination.

    Attributes:
        name: what was looked at, in a word or two.
        status: `pass`, `warn`, `fail`; `skip` when there was nothing to look at, or something before it failed.
        detail: what was found.
        remedy: what a person does about it; empty when there is nothing to do.
    """

    name: str
    status: Literal["pass", "warn", "fail", "skip"]
    detail: str = ""
    remedy: str = ""


@runtime_checkable
class Sharing(Protocol):
    """An adapter that shares something with other processes, its access tokens for example."""

    def share(self, store: Store) -> None:
        """Use this store from now on; called once, before the first request."""
        ...


@runtime_checkable
class Examined(Protocol):
    """An adapter that can say more of its health than `check`, with the network if need be."""

    def examine(self, deadline: Deadline, *, network: bool = True) -> Iterator[Finding]:
        """One finding after the other, each as soon as it is there; raises nothing.

        A finding called `recognition` says that a trial recognition would be pointless; otherwise one is made.

        Args:
            deadline: of everything.
            network: whether anybody may be asked over it.
        """
        ...


@runtime_checkable
class Preparing(Protocol):
    """An adapter whose calls may need something that is to be had before their turn comes, an access token say."""

    def prepare(self, request: Request, deadline: Deadline) -> None:
        """Have ready what `recognize` would otherwise have to fetch first, so that a call is sent when its turn is.

        Called only where turns are kept, from the caller's thread; ends by the deadline, or when the request is
        cancelled. Raises ProviderError.
        """
        ...


@runtime_checkable
class Priced(Protocol):
    """An adapter that knows what its provider charges by default."""

    @property
    def tariff(self) -> Tariff | None:
        """The provider's published price for what this adapter asks, or None when it is not known."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """An adapter that knows what its answers depend on besides its options: versions of programs, models and data."""

    @property
    def revision(self) -> str:
        """One text for everything that may change an answer to the same request; holds no secret and raises nothing.

        Answers that were kept under another revision are not given again. It is found out without loading the engine
        and without the network, and may be remembered.
        """
        ...
