"""The scenarios by name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from ocrgate.drill import expectation as expect
from ocrgate.drill import strike
from ocrgate.drill.blueprint import Blueprint, keys_of
from ocrgate.drill.invariant import Invariant
from ocrgate.drill.scenario import Phase, Scenario

_BURST = 8


def _openssl(_blueprint: Blueprint) -> str:
    return "" if shutil.which("openssl") else "there is no openssl program to make a certificate with"


def _two_keys(blueprint: Blueprint) -> str:
    keys = keys_of(blueprint)[blueprint.primary or ""]
    return "" if len(keys) > 1 else f"{blueprint.primary} has one key, which nobody can take over from"


def _store(blueprint: Blueprint) -> str:
    if blueprint.settings.state == "memory":
        return "the state is memory, which cannot go away"
    return "" if os.name == "posix" else "this system does not let open files be moved"


def _disk(blueprint: Blueprint) -> str:
    settings = blueprint.settings
    if settings.state == "memory" and settings.audit.path is None and settings.cache is None:
        return "nothing is written: no state file, no ledger, no cache"
    return "" if os.name == "posix" else "this system cannot limit the size of files"


def _storm(name: str, does: str, begin: strike.Strike, *own: Invariant, times: float = 2.6) -> Scenario:
    """The platform misbehaves and behaves again; whoever is left answers."""
    return Scenario(
        name,
        does,
        (Phase("before", times=0.6), Phase("fault", begin, times), Phase("after", strike.behave)),
        (expect.ANSWERED_BY_OTHERS, *own),
    )


_ALL = (
    _storm(
        "token_poisoned",
        "every token is revoked and the token endpoint answers nonsense",
        strike.poison_tokens,
        expect.NO_KEY_BENCHED,
    ),
    _storm("502_storm", "a proxy answers every call with a 502 page", strike.storm_502),
    _storm("brown_out", "every answer is right, and late", strike.slow_down, times=2.4),
    _storm("hang", "calls are taken and never answered", strike.hang, times=2.4),
    _storm("slow_drip", "answers come byte by byte and never end", strike.drip, times=2.4),
    Scenario(
        "qps_storm",
        "many call at once, and the platform takes few calls a second",
        (
            Phase("before", times=0.6),
            Phase("fault", strike.few_a_second, 2.5, threads=_BURST),
            Phase("after", strike.as_many_as_ever),
        ),
        (expect.ANSWERED_BY_OTHERS, expect.NO_KEY_BENCHED, expect.BREAKER_UNMOVED),
    ),
    Scenario(
        "quota_end",
        "the first account has no call left until its day or month is over",
        (Phase("before", times=0.6), Phase("fault", strike.end_quota, 2.0), Phase("after", strike.new_day)),
        (expect.ANSWERED_BY_OTHERS, expect.UNTIL_RESET, expect.FIRST_KEY_BACK),
    ),
    Scenario(
        "tls_interception",
        "somebody stands in the platform's place with a certificate of his own",
        (Phase("before", times=0.6), Phase("fault", strike.intercept, 2.6), Phase("after", strike.end_interception)),
        (expect.ANSWERED_BY_OTHERS, expect.NOBODY_IMPERSONATED),
        (_openssl,),
        secure=True,
    ),
    Scenario(
        "key_revoked",
        "the first key is deleted in the console, and made again later",
        (Phase("before", times=0.6), Phase("fault", strike.revoke_key, 2.0), Phase("after", strike.restore_key)),
        (expect.ALL_ANSWERED, expect.SECOND_KEY, expect.FIRST_KEY_BACK),
        (_two_keys,),
    ),
    Scenario(
        "engine_crash",
        f"the process of an engine on this host dies on every {strike.EVERY}th image",
        (Phase("before", times=0.6), Phase("fault", strike.crash_engine, 3.0), Phase("after", strike.mend_engine)),
        (expect.ENGINE_REPLACED, expect.OTHERS_SERVED),
        local=True,
    ),
    Scenario(
        "engine_hang",
        f"an engine on this host hangs on every {strike.EVERY}th image",
        (
            Phase("before", times=0.6),
            Phase("fault", strike.hang_engine, 3.0, attempts=1.5),
            Phase("after", strike.mend_engine),
        ),
        (expect.ENGINE_REPLACED, expect.OTHERS_SERVED),
        local=True,
    ),
    Scenario(
        "store_down",
        "the state store cannot be reached, and is there again",
        (
            Phase("before", times=0.6),
            Phase("fault", strike.take_store_away, 1.3),
            Phase("after", strike.bring_store_back, well=strike.store_is_well),
        ),
        (expect.ALL_ANSWERED, expect.STORE_TOLD, expect.MADE_UP),
        (_store,),
    ),
    Scenario(
        "disk_full",
        "no file can grow: not the state, not the ledger, not the cache",
        (
            Phase("before", times=0.6),
            Phase("fault", strike.fill_disk, 1.3),
            Phase("after", strike.make_room, well=strike.store_is_well),
        ),
        (expect.WENT_ON, expect.DISK_TOLD),
        (_disk,),
        apart=True,
    ),
    Scenario(
        "clock_jump",
        "the wall clock jumps a day ahead, then two days back while a breaker is open",
        (
            Phase("before", times=0.6),
            Phase("before", strike.a_day_ahead, 0.6),
            Phase("fault", strike.storm_502, 2.6),
            Phase("after", strike.two_days_back),
        ),
        (expect.ANSWERED_BY_OTHERS, expect.NO_KEY_BENCHED),
    ),
    Scenario(
        "total_blackout",
        "neither the platform nor any engine on this host answers",
        (Phase("before", times=0.6), Phase("fault", strike.black_out, 2.6), Phase("after", strike.lights_on)),
        (expect.NOTHING_INVENTED,),
    ),
)

SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}
"""In the order in which they are run."""
