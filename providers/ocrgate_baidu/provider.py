"""`BaiduProvider`: one call from request to page, with the right key and a token that holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ocrgate.ability import Finding
from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.errors import ProviderError
from ocrgate.key import Key, KeyUse
from ocrgate.keys.owner import TokenOwner
from ocrgate.keys.shared import SharedToken
from ocrgate.keys.token import Token
from ocrgate.page import Page
from ocrgate.provider import Adapter, Capabilities, Readiness, Request
from ocrgate.result import Tariff
from ocrgate.revision import versions
from ocrgate.state.store import Store
from ocrgate_baidu import client, examination, grant, prices
from ocrgate_baidu import options as choices
from ocrgate_baidu.credential import ENVIRONMENT, Credential, Redactor
from ocrgate_baidu.failure import Failed, failed
from ocrgate_baidu.inputs import checked
from ocrgate_baidu.model import model
from ocrgate_baidu.parse import parse
from ocrgate_baidu.seal import CredentialSeal
from ocrgate_baidu.settings import LANES, Told, told
from ocrgate_baidu.transport import Transport
from ocrgate_baidu.use import Use

if TYPE_CHECKING:
    from pydantic import BaseModel


T = TypeVar("T")


class BaiduProvider(Adapter):
    """One endpoint of Baidu's OCR, with the keys it may be asked with. Thread-safe; cheap to build.

    Args:
        name: configured name.
        endpoint: path name of the endpoint, `accurate` or `idcard` for example; see `ENDPOINTS`.
        base_url: where the platform, or the simulator, is.
        tls: `{"verify": True, "ca_bundle": None}`.
        proxies: by scheme, http:// or https:// URLs.
        trust_env: whether `HTTP(S)_PROXY`, `NO_PROXY` and `REQUESTS_CA_BUNDLE` count.
        keys: mappings with `name`, `app_id`, `api_key`, `secret_key`, `account`, `weight`; None for the environment
            variables `AIP_APP_ID`, `AIP_API_KEY` and `AIP_SECRET_KEY`, read now.
        options: request options of the endpoint; True and False are sent as Baidu writes them.
        clock: for the life of tokens.

    Raises:
        ConfigError: with every option that makes no sense; no message quotes a key.
    """

    def __init__(
        self,
        name: str = "baidu",
        *,
        endpoint: str = "accurate",
        base_url: str = "https://aip.baidubce.com",
        tls: Mapping[str, Any] | None = None,
        proxies: Mapping[str, str] | None = None,
        trust_env: bool = True,
        keys: Iterable[Mapping[str, Any]] | None = None,
        options: Mapping[str, Any] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.name = name
        settings: Told = told(endpoint, base_url, tls, proxies, trust_env, keys, options)
        self.endpoint, self._options, self._credentials = settings.endpoint, settings.options, settings.credentials
        self.capabilities = Capabilities(
            limits=self.endpoint.limits,
            languages=choices.spoken(self.endpoint),
            cloud=True,
            isolation="thread",
            lanes=LANES,
            polygons=self.endpoint.located,
            confidence=self._options.get("probability") == "true",
        )
        self._keys = tuple(credential.key for credential in self._credentials)
        self._clock = clock
        self._transport = Transport(settings.wire)
        secrets = [secret for each in self._credentials for secret in (each.api_key, each.secret_key)]
        self._redactor = Redactor(secrets)
        self._owners = {
            credential.name: TokenOwner(partial(self._fetch, credential), clock) for credential in self._credentials
        }

    def __repr__(self) -> str:
        return (
            f"BaiduProvider({self.name!r}, endpoint={self.endpoint.name!r}, keys={[key.name for key in self.keys]!r})"
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("an adapter holds connections and secrets; hand its ProviderSpec to the other process")

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        return model()

    @property
    def tariff(self) -> Tariff | None:
        """Baidu's published price of the endpoint, or None when there is none; see `prices.yaml`."""
        return prices.tariff(self.endpoint.name)

    @property
    def revision(self) -> str:
        """Version of the SDK, which builds the requests. When Baidu changes its models it tells nobody."""
        return versions("baidu-aip")

    @property
    def keys(self) -> Sequence[Key]:
        """The keys with account and weight, without their secrets, in order of preference."""
        return self._keys

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        """Read one image; everything, a token included, ends by the deadline.

        Raises:
            ProviderError: with the diagnosis; its text and traceback hold no key and no token.
        """
        return self._cleaned(lambda: self._recognize(request, deadline))

    def prepare(self, request: Request, deadline: Deadline) -> None:
        """Load the SDK, and see to it that there is a token.

        Raises:
            ProviderError: as `recognize`.
        """

        def ready() -> None:
            client.load()
            self._token(self._credential(request.key), request, deadline)

        self._cleaned(ready)

    def _cleaned(self, work: Callable[[], T]) -> T:
        """What the work returns; whatever it raises as a ProviderError without a secret in it."""
        try:
            return work()
        except Failed as failure:
            diagnosis = self._redactor.cleaned(failure.diagnosis)
        except Exception as error:  # noqa: BLE001 - an adapter raises nothing else than ProviderError
            diagnosis = self._redactor.cleaned(failed("adapter_error", f"{type(error).__name__}: {error}").diagnosis)
        # Raised out here: the frames below, and what they hold, are no part of it.
        raise ProviderError(self.name, diagnosis)

    def check(self) -> Readiness:
        """Whether the SDK is installed and there is a key that could be one; without the network."""
        missing = [package for package in ("aip", "requests", "chardet") if find_spec(package) is None]
        if missing:
            return Readiness(False, f"not installed: {', '.join(missing)}", 'pip install "ocrgate[baidu]"')
        if not self._credentials:
            return Readiness(
                False,
                "no key is configured",
                f"set {', '.join(ENVIRONMENT)}, or write `keys` in the configuration",
            )
        flaws = [f"{each.name}: {each.flaw}" for each in self._credentials if each.flaw]
        if len(flaws) == len(self._credentials):
            return Readiness(
                False, "; ".join(flaws), "copy API Key and Secret Key from the application's page in the console"
            )
        notes = [f"endpoint {self.endpoint.name}", f"keys {', '.join(key.name for key in self.keys)}", *flaws]
        if self.endpoint.retired:
            notes.append(f"the endpoint is being retired, use {self.endpoint.retired}")
        if not self._transport.wire.verify:
            notes.append("certificates are not verified")
        return Readiness(True, "; ".join(notes))

    def share(self, store: Store) -> None:
        """Have tokens in common with the processes that use this store; they lie in it sealed."""
        for each in self._credentials:
            if each.fingerprint:
                seal = CredentialSeal(each.api_key, each.secret_key)
                self._owners[each.name].share(SharedToken(store, f"baidu/{self._place(each)}", seal, self._clock))

    def examine(self, deadline: Deadline, *, network: bool = True) -> Iterator[Finding]:
        """Keys, certificates, the way to the server and a token for each key, one finding after the other."""
        return examination.examine(self._transport.wire, self._credentials, self._fetch, deadline, network=network)

    def warm_up(self) -> None:
        """Import the SDK; opens no connection."""
        try:
            client.load()
        except Failed as failure:
            diagnosis = failure.diagnosis
        else:
            return
        raise ProviderError(self.name, diagnosis)

    def close(self) -> None:
        """End calls in flight and close the connections."""
        self._transport.close()

    def _recognize(self, request: Request, deadline: Deadline) -> Page:
        credential = self._credential(request.key)
        kind = checked(self.endpoint, request)
        chosen = self._chosen(request)
        client.load()
        token = self._token(credential, request, deadline)
        with Use(request.on_use, credential.name, self.endpoint.name, self._redactor.clean, billed=True) as use:
            try:
                reply = client.ask(
                    self._transport,
                    token.text,
                    self.endpoint,
                    request.data,
                    chosen,
                    deadline,
                    request.on_cancel,
                    use.sent,
                    on_begin=request.on_sent,
                    kind=kind,
                    page=request.page,
                )
            except Failed as failure:
                if failure.diagnosis.action == "refresh_token":
                    self._owners[credential.name].invalidate(token)
                raise
            use.log_id = reply.get("log_id")
            try:
                return parse(reply, self.endpoint.kind, request.width, request.height)
            except ValueError as error:
                raise failed("bad_reply", str(error), log_id=use.log_id) from error

    def _credential(self, name: str | None) -> Credential:
        if name is None and self._credentials:
            return self._credentials[0]
        found = next((credential for credential in self._credentials if credential.name == name), None)
        if found is None:
            raise failed("no_key", f"no key is called {name!r}" if self._credentials else "no key is configured")
        return found

    def _chosen(self, request: Request) -> dict[str, str]:
        if not request.options and not request.languages:
            return self._options
        sent, problems = choices.checked(self.endpoint, {**self._options, **request.options})
        if problems:
            raise failed("216100", "; ".join(f"{name}: {message}" for name, message in problems))
        if "language_type" not in sent:
            try:
                spoken = choices.language(self.endpoint, request.languages)
            except ValueError as error:
                raise failed("language", str(error)) from error
            if spoken is not None:
                sent["language_type"] = spoken
        return sent

    def _token(self, credential: Credential, request: Request, deadline: Deadline) -> Token:
        fetch = partial(self._fetch, credential, request=request)
        try:
            token = self._owners[credential.name].get(deadline, fetch=fetch, given_up=request.cancelled)
        except TimeoutError as error:
            raise failed("timeout", str(error)) from error
        # Another process may have fetched it.
        self._redactor.learn(token.text)
        return token

    def _fetch(self, credential: Credential, deadline: Deadline, request: Request | None = None) -> Token:
        on_use = _untold if request is None else request.on_use
        with Use(on_use, credential.name, "token", self._redactor.clean, billed=False) as use:
            return grant.fetch(
                self._transport,
                credential,
                self._redactor,
                self._clock,
                deadline,
                None if request is None else request.on_cancel,
                use.sent,
            )

    def _place(self, credential: Credential) -> str:
        """What a token depends on: the credential and the server that gave it."""
        return f"{sha256(self._transport.wire.base_url.encode()).hexdigest()[:8]}/{credential.fingerprint}"


def _untold(_use: KeyUse) -> None:
    """Nobody asked for this fetch on behalf of a request."""
