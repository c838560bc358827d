"""Never run: mypy must accept every documented use."""

from __future__ import annotations

from collections.abc import Mapping

from ocrgate import (
    Adapter,
    AllProvidersFailed,
    Capabilities,
    ConfigError,
    Deadline,
    DeadlineExceeded,
    Diagnosis,
    Failure,
    Gateway,
    InvalidImage,
    Line,
    NoValidResult,
    Page,
    Polygon,
    Provider,
    ProviderError,
    Request,
    Result,
    diagnose,
)
from ocrgate.testing import check_provider


def read(path: str) -> str:
    with Gateway.from_yaml("ocrgate.yaml") as gateway:
        result: Result = gateway.recognize(path, route="receipt", deadline=8.0, languages=["zh", "en"])
    total: str = result.fields["total"]
    for attempt in result.attempts:
        diagnosis: Diagnosis | None = attempt.diagnosis
        print(attempt.provider, attempt.outcome, attempt.elapsed, diagnosis)
    x, y = result.lines[0].polygon[0] if result.lines[0].polygon else (0.0, 0.0)
    confidence: float | None = result.confidence
    return result.text + total + str(x + y) + str(confidence)


def read_all(paths: list[str]) -> int:
    read_well = 0
    for answer in Gateway.default().recognize_many(paths, workers=2, ordered=False):
        if isinstance(answer, Failure):
            print(answer.source, answer.error)
        else:
            read_well += answer.valid
    return read_well


async def read_async(gateway: Gateway, data: bytes) -> str:
    try:
        return (await gateway.arecognize(data)).text
    except InvalidImage as error:
        return error.reason
    except NoValidResult as error:
        return error.best.text
    except (AllProvidersFailed, DeadlineExceeded) as error:
        return "; ".join(attempt.provider for attempt in error.attempts)
    except ConfigError as error:
        return "; ".join(f"{problem.line}: {problem.message}" for problem in error.problems)


class Shout(Adapter):
    name = "shout"
    capabilities = Capabilities(languages=frozenset({"en"}))

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        if deadline.expired:
            raise ProviderError(self.name, diagnose("timeout"))
        box = Polygon.from_box(0, 0, request.width, request.height)
        return Page(lines=(Line("HELLO", box, 0.5),), width=request.width, height=request.height)


def use(settings: Mapping[str, object]) -> None:
    provider: Provider = Shout()
    names: tuple[str, ...] = check_provider(provider)
    print(names, Gateway.from_dict(settings).status())
