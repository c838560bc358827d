"""Where attempts run: a bounded pool a provider, in threads or in worker processes."""

from __future__ import annotations

from ocrgate.diagnosis import lookup
from ocrgate.errors import ProviderError
from ocrgate.lane.lane import Lane
from ocrgate.lane.ticket import Phase, Ticket
from ocrgate.page import Page
from ocrgate.provider import Provider, ProviderSpec
from ocrgate.settings import ProviderSettings

__all__ = ["Lane", "Phase", "Ticket", "open_lane"]


def open_lane(provider: Provider, spec: ProviderSpec, settings: ProviderSettings) -> Lane:
    """The lane that the provider's capabilities ask for; starts nothing yet."""
    size = settings.lanes or provider.capabilities.lanes
    if provider.capabilities.isolation == "process":
        from ocrgate.lane.process import ProcessLane

        return ProcessLane(spec, size=size, queue=settings.queue, memory=settings.memory, recycle=settings.recycle)

    def ask(ticket: Ticket) -> Page:
        if ticket.request is None:
            provider.warm_up()
            return Page()
        if not ticket.move("running"):
            raise ProviderError(settings.name, lookup("gateway", "cancelled"))
        request = ticket.request.with_hooks(lambda: ticket.given_up, ticket.on_give_up, **ticket.hooks)
        return provider.recognize(request, ticket.deadline)

    return Lane(settings.name, ask, size=size, queue=settings.queue)
