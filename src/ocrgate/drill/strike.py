"""What is done in the scenarios: each a function that spoils something of a house, or mends it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ocrgate.drill.house import House
from ocrgate.keys.ring import KeyStatus
from ocrgate.testing.simulator import Fault, Match, Rule

Strike = Callable[[House], None]

DAY = 86_400.0
EVERY = 7
"""Every how many images an engine crashes or hangs; no divisor of the number of routes."""
_ROOM = 1
"""Bytes that a file may have when the disk is full."""


def _ocr(kind: Any, **details: Any) -> Rule:
    return Rule(Match(path="ocr"), Fault(kind, **details))


def _primary(house: House) -> str:
    assert house.blueprint.primary is not None
    return house.blueprint.primary


def _timeout(house: House) -> float:
    return house.settings.providers[_primary(house)].timeout


def behave(house: House) -> None:
    """The platform is as it should be."""
    house.plan()


def poison_tokens(house: House) -> None:
    """Nobody's token holds, and the token endpoint answers with what is none: a page, JSON without a token, nothing."""
    house.plan(
        Rule(Match(path="token", share=0.3), Fault("token_html")),
        Rule(Match(path="token", share=0.3), Fault("token_down")),
        Rule(Match(path="token"), Fault("token_poison")),
    )
    house.platform.revoke_tokens()


def storm_502(house: House) -> None:
    house.plan(_ocr("html"))


def slow_down(house: House) -> None:
    """Right answers, so late that they count as slow where `timeout` leaves room for that."""
    own = house.settings.providers[_primary(house)]
    house.plan(_ocr("slow", seconds=min(1.4 * own.breaker.slow_call, 0.8 * own.timeout)))


def hang(house: House) -> None:
    house.plan(_ocr("hang", seconds=4 * _timeout(house)))


def drip(house: House) -> None:
    """One byte at a time, so that no single wait is long and the answer is never whole."""
    house.plan(_ocr("drip", interval=_timeout(house) / 20))


def few_a_second(house: House) -> None:
    """The platform takes so few calls a second of each key that most are one too many."""
    from dataclasses import replace

    house.platform.replace_keys(replace(key, qps=4) for key in house.keys)


def as_many_as_ever(house: House) -> None:
    house.platform.replace_keys(house.keys)


def end_quota(house: House) -> None:
    """The day's calls of the first account are used up."""
    house.plan(
        *(Rule(Match(path="ocr", key=key.api_key), Fault("code", code=17)) for key in house.first_keys()),
    )


def new_day(house: House) -> None:
    """The quota is back, and it is as late as that."""
    house.plan()
    now = house.clock.time()
    ends = [key.until for key in _keys(house) if key.until is not None and math.isfinite(key.until)]
    house.clock.jump(max([end - now + 1.0 for end in ends], default=DAY))


def _keys(house: House) -> list[KeyStatus]:
    return list(house.gateway.status()[_primary(house)]["keys"].values())


def revoke_key(house: House) -> None:
    """Somebody deletes the first key in the console."""
    first = house.first_keys()[0]
    house.platform.replace_keys(key for key in house.keys if key != first)


def restore_key(house: House) -> None:
    """It is there again, and the gateway is told."""
    house.platform.replace_keys(house.keys)
    house.gateway.release_key(_primary(house), house.first_keys()[0].name)


def intercept(house: House) -> None:
    house.mask()


def end_interception(house: House) -> None:
    house.unmask()
    house.platform.start()


def crash_engine(house: House) -> None:
    _order(house, "crash")


def hang_engine(house: House) -> None:
    _order(house, "hang")


def mend_engine(house: House) -> None:
    _order(house, None)


def _order(house: House, deed: Any) -> None:
    assert house.blueprint.saboteur is not None
    house.switch(house.blueprint.saboteur).set(deed, EVERY)


def take_store_away(house: House) -> None:
    (house.folder / "state").rename(house.folder / "state-away")


def bring_store_back(house: House) -> None:
    (house.folder / "state-away").rename(house.folder / "state")


def store_is_well(house: House) -> bool:
    """Whether state and ledger can be written again, as far as the status knows."""
    first = next(iter(house.gateway.status().values()))
    return all(first[part] is None or first[part].ok for part in ("state", "audit"))


def fill_disk(_house: House) -> None:
    """No file of this process can grow any more; that is what a full disk is to whoever writes."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, hard))


def make_room(_house: House) -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def a_day_ahead(house: House) -> None:
    """The wall clock jumps to tomorrow while all is well."""
    house.clock.jump(DAY)


def two_days_back(house: House) -> None:
    """The wall clock is set back to the day before, while breakers wait for their probe; the platform is well again."""
    house.plan()
    house.clock.jump(-2 * DAY)


def black_out(house: House) -> None:
    """Nothing answers: not the platform, and no engine on this host."""
    house.platform.stop()
    for engine in house.blueprint.engines:
        house.switch(engine).set("fail")


def lights_on(house: House) -> None:
    house.platform.start()
    for engine in house.blueprint.engines:
        house.switch(engine).set(None)
