"""The routes, and the order in which a request is checked.

A request gets its id and is counted; its client's address may be refused; a
CORS preflight is answered; the route is found; then, on the API's routes, the
key, the number of requests at a time, the rate limits, the content type, the
size of the body and the body itself are checked.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime

from piecesd.access.gate import Gate, open_gate
from piecesd.dialects import anthropic_messages, openai_chat, openai_completions
from piecesd.dialects.dialect import Dialect
from piecesd.dialects.readiness import readiness, render_readiness
from piecesd.errors import UnknownPath
from piecesd.history import History, present
from piecesd.http.admin import AdminBans
from piecesd.http.admission import Admission
from piecesd.http.anthropic_clients import PATH_OF_ANTHROPIC
from piecesd.http.auth import ApiKeys
from piecesd.http.completions import CompletionEndpoint, CompletionSender
from piecesd.http.cors import CorsPolicy
from piecesd.http.count_tokens import CountTokensEndpoint
from piecesd.http.json_request import JSON_HEADERS
from piecesd.http.metrics import MetricsEndpoint
from piecesd.http.models import ModelsEndpoint
from piecesd.http.ollama import OllamaApi
from piecesd.http.openapi import OpenApiEndpoint
from piecesd.http.page import PageEndpoint, prefers_html
from piecesd.http.rate_limits import RATE_HEADERS, RequestLimits
from piecesd.http.request import ApiRequest
from piecesd.http.responses import ResponsesEndpoint, Store, StoredResponsesEndpoint
from piecesd.http.routes import RoutedKlein
from piecesd.http.running import RunningRequests
from piecesd.http.settings import HttpSettings
from piecesd.http.token_count import TokenCountEndpoint
from piecesd.stats import RequestStats

if TYPE_CHECKING:
    from piecesd.completion.service import Completions
    from piecesd.ratelimits.limiter import RateLimiter

AllWorkers = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Makes of what ``GET /`` says of one process what it says of all that serve."""

_TEXT = ((b"content-type", b"text/plain; charset=utf-8"),)

_COMPLETIONS: Mapping[str, Dialect] = {
    "chat/completions": openai_chat,
    "completions": openai_completions,
    "messages": anthropic_messages,
}
"""The dialects by their paths behind the prefix."""

_ANTHROPIC_PREFIX = f"{PATH_OF_ANTHROPIC}v1/"
_FOR_ANTHROPIC = ("messages",)
"""Those behind the prefix that only Anthropic's clients use."""


class Api:
    """Answers requests; `receive` is its entrance.

    ``count_finished`` is to be called with each request that is over.

    :param version: piecesd's own, for ``GET /`` and the Server header.
    :param pool_figures: called for what ``GET /`` says of the channels; JSON.
    :param readiness: called for whether each service could be called now.
    :param metrics: shown at ``/metrics``; None where they are not shown here.
    :param gate: says who the client is and whether it may come in; without
        one, everybody may.
    :param limiter: None where no rate is limited.
    :param store: of responses; None where none are kept.
    :param all_workers: None where this process is the only one.
    """

    def __init__(
        self,
        *,
        completions: Completions,
        settings: HttpSettings,
        clock: IReactorTime,
        version: str,
        pool_figures: Callable[[], Mapping[str, Any]],
        readiness: Callable[[], Mapping[str, bool]],
        metrics: MetricsEndpoint | None = None,
        gate: Gate | None = None,
        limiter: RateLimiter | None = None,
        store: Store | None = None,
        all_workers: AllWorkers | None = None,
    ) -> None:
        self.settings = settings
        self.version = version
        self.gate = open_gate(clock.seconds) if gate is None else gate
        self._history = History(clock.seconds, self._open_channels)
        self.running = RunningRequests(
            settings.max_concurrent_requests, self._history.note_in_flight
        )
        self.count_finished = self._history.count_finished
        self._completions = completions
        self._clock = clock
        self._pool_figures = pool_figures
        self._readiness = readiness
        self._metrics = metrics
        self._store = store
        self._all_workers = all_workers
        self._stats = RequestStats(clock.seconds)
        self._started_seconds = clock.seconds()
        keys = ApiKeys(settings.api_keys)
        self._admission = Admission(
            keys=keys,
            running=self.running,
            limits=None if limiter is None else RequestLimits(limiter, keys),
            count=self._count_api_request,
        )
        self._page = PageEndpoint(settings, (*_COMPLETIONS, "models"))
        self._cors = CorsPolicy(settings.cors_origins, RATE_HEADERS if limiter else ())
        self.resource = self._routes().resource()

    def _routes(self) -> RoutedKlein:
        klein = RoutedKlein()
        # A doubled slash is an unknown path like any other, not a redirect.
        klein.url_map.merge_slashes = False
        klein.route("/", methods=["GET"], endpoint="status")(self._show_root)
        klein.route("/ping", methods=["GET"], endpoint="ping")(self._ping)
        klein.route("/readyz", methods=["GET"], endpoint="readyz")(self._show_readiness)
        if self._metrics is not None:
            klein.route("/metrics", methods=["GET"], endpoint="metrics")(self._metrics.show)
        self._add_api_routes(klein)
        openapi = OpenApiEndpoint(
            klein,
            self._completions,
            self.settings,
            version=self.version,
            metrics=self._metrics,
        )
        path = f"{self.settings.api_prefix}openapi.json"
        klein.route(path, methods=["GET"], endpoint="openapi")(openapi.show)
        if self.settings.admin_key is not None:
            AdminBans(
                self.gate.bans, admin_key=self.settings.admin_key, clock=self._clock
            ).add_routes(klein)
        klein.handle_errors(Exception)(ApiRequest.fail)  # type: ignore[arg-type]
        return klein

    def _add_api_routes(self, klein: RoutedKlein) -> None:
        models = ModelsEndpoint(self._completions, self._admission)
        sender = CompletionSender(
            completions=self._completions,
            admission=self._admission,
            settings=self.settings,
            clock=self._clock,
        )
        counting = CountTokensEndpoint(sender)

        def add(prefix: str, of: str, paths: Iterable[str]) -> None:
            """The routes behind a prefix; ``of`` tells their names from those of others."""
            for path in paths:
                klein.route(prefix + path, methods=["POST"], endpoint=path + of)(
                    CompletionEndpoint(_COMPLETIONS[path], sender).complete
                )
            count, listed = f"{prefix}messages/count_tokens", f"{prefix}models"
            klein.route(count, methods=["POST"], endpoint="count_tokens" + of)(counting.count)
            klein.route(listed, methods=["GET"], endpoint="models" + of)(models.list)

        def add_single_models(prefix: str, of: str) -> None:
            path = f"{prefix}models/<path:name>"
            klein.route(path, methods=["GET"], endpoint="model" + of)(models.show)

        prefix = self.settings.api_prefix
        token_count = TokenCountEndpoint(sender)
        klein.route(f"{prefix}token_count", methods=["POST"], endpoint="token_count")(
            token_count.count
        )
        add(prefix, "", _COMPLETIONS)
        self._add_responses(klein, prefix, "", sender)
        add_single_models(prefix, "")
        if self.settings.enable_model_route:
            add(f"/<path:path_model>{prefix}", " of model", _COMPLETIONS)
            self._add_responses(klein, f"/<path:path_model>{prefix}", " of model", sender)
        add(_ANTHROPIC_PREFIX, " of anthropic", _FOR_ANTHROPIC)
        add_single_models(_ANTHROPIC_PREFIX, " of anthropic")
        if self.settings.enable_ollama_api:
            OllamaApi(sender).add_routes(klein)

    def _add_responses(
        self, klein: RoutedKlein, prefix: str, of: str, sender: CompletionSender
    ) -> None:
        path = f"{prefix}responses"
        responses = ResponsesEndpoint(sender, self._store, self._clock)
        stored = StoredResponsesEndpoint(self._admission, self._store)
        for pattern, method, endpoint, answer in (
            (path, "POST", "create", responses.create),
            (f"{path}/<wanted_id>", "GET", "show", stored.show),
            (f"{path}/<wanted_id>", "DELETE", "delete", stored.delete),
            (f"{path}/<wanted_id>/input_items", "GET", "list input of", stored.list_input),
        ):
            klein.route(pattern, methods=[method], endpoint=f"{endpoint} response{of}")(answer)

    def receive(self, request: ApiRequest) -> None:
        """Count ``request``, let it in, and browsers, and find its route."""
        self._stats.count_request()
        if request.refusal is not None:
            raise request.refusal
        if self._cors.enabled and self._answer_preflight(request):
            return
        if request.path.startswith(b"//"):  # Klein would drop one
            raise UnknownPath(method=request.shown_method, path=request.shown_path)
        try:
            # Klein would answer these with a page of its own.
            request.postpath[0].decode("utf-8")
            request.method.decode("ascii")
        except UnicodeDecodeError:
            raise UnknownPath(method=request.shown_method, path=request.shown_path) from None
        self.resource.render(request)

    def _answer_preflight(self, request: ApiRequest) -> bool:
        """Add the CORS headers; whether that was all there is to answer."""
        origin = request.getHeader(b"origin")
        request.add_headers(self._cors.response_headers(origin))
        headers = self._cors.preflight_headers(
            request.method,
            origin,
            request.getHeader(b"access-control-request-method"),
            request.getHeader(b"access-control-request-headers"),
        )
        if headers is None:
            return False
        request.send(204, headers, b"")
        return True

    def _count_api_request(self) -> None:
        self._stats.count_api_request()
        self._history.count_api_request()

    def _open_channels(self) -> int:
        services: Mapping[str, Any] = self._pool_figures().get("services", {})
        return sum(address["channels"] for service in services.values() for address in service)

    # Open to all.

    def _ping(self, request: ApiRequest) -> None:
        request.send(200, _TEXT, b"pong")

    def _show_readiness(self, request: ApiRequest) -> None:
        """Whether requests may be sent here."""
        is_so = readiness(self._readiness(), draining=request.site.draining)
        request.send(200 if is_so.ready else 503, JSON_HEADERS, render_readiness(is_so))

    def status(self) -> dict[str, Any]:
        """What ``GET /`` says of this process, for `all_workers` to add up; JSON."""
        everything, api = self._stats.all_requests(), self._stats.api_requests()
        return {
            "status": "draining" if self.running.refusing else "ok",
            "version": self.version,
            "uptime_seconds": round(self._clock.seconds() - self._started_seconds, 3),
            "pools": self._pool_figures(),
            "requests": {
                "all": asdict(everything),
                "api": asdict(api) | {"in_flight": self.running.count},
            },
            "steps": self._history.steps(),
        }

    async def _show_root(self, request: ApiRequest) -> None:
        """Tell how the daemon is: people by a page, programs by JSON."""
        if prefers_html(request.getHeader(b"accept")):
            request.vary_by(b"accept", b"accept-language")
            self._page.show(request)
            return
        request.vary_by(b"accept")
        status = self.status()
        if self._all_workers is not None:
            status = await self._all_workers(status)
        status |= present(status.pop("steps"))
        request.send(200, JSON_HEADERS, json.dumps(status).encode())
