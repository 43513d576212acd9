"""The routes, and the order in which a request is checked.

A request gets its id and is counted; its client's address may be refused; a
CORS preflight is answered; the route is found; then, on the API's routes, the
key, the number of requests at a time, the rate limits, the content type, the
size of the body and the body itself are checked.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime

from piecesd.access.gate import Gate, open_gate
from piecesd.catalog import Model
from piecesd.chat import ChatRequest
from piecesd.dialects.openai_models import ModelCard, render_model, render_models
from piecesd.dialects.openai_reply import ChunkRenderer, render_answer
from piecesd.dialects.openai_request import ChatCall, parse
from piecesd.errors import ModelNotFound, UnknownPath, UnsupportedMediaType
from piecesd.http.admin import AdminBans
from piecesd.http.auth import ApiKeys
from piecesd.http.cors import CorsPolicy
from piecesd.http.metrics import MetricsEndpoint
from piecesd.http.rate_limits import RATE_HEADERS, RequestLimits
from piecesd.http.request import ApiRequest
from piecesd.http.routes import RoutedKlein
from piecesd.http.running import Cut, RunningRequests
from piecesd.http.settings import HttpSettings
from piecesd.http.sse_writer import SseWriter
from piecesd.stats import RequestStats

if TYPE_CHECKING:
    from piecesd.completion.completion import Completion
    from piecesd.completion.service import Completions
    from piecesd.ratelimits.limiter import RateLimiter

_JSON = ((b"content-type", b"application/json"),)
_TEXT = ((b"content-type", b"text/plain; charset=utf-8"),)


class Api:
    """Answers requests; `receive` is its entrance.

    :param version: piecesd's own, for ``GET /`` and the Server header.
    :param pool_figures: called for what ``GET /`` says of the channels; JSON.
    :param readiness: called for whether each service could be called now.
    :param metrics: shown at ``/metrics``; None where they are not shown here.
    :param gate: says who the client is and whether it may come in; without
        one, everybody may.
    :param limiter: None where no rate is limited.
    :param all_workers: makes of what ``GET /`` says of this process what it
        says of all that serve; None where this is the only one.
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
        all_workers: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] | None = None,
    ) -> None:
        self.settings = settings
        self.version = version
        self.gate = open_gate(clock.seconds) if gate is None else gate
        self.running = RunningRequests(settings.max_concurrent_requests)
        self._completions = completions
        self._clock = clock
        self._pool_figures = pool_figures
        self._readiness = readiness
        self._metrics = metrics
        self._all_workers = all_workers
        self._stats = RequestStats(clock.seconds)
        self._started_seconds = clock.seconds()
        self._keys = ApiKeys(settings.api_keys)
        self._limits = None if limiter is None else RequestLimits(limiter, self._keys)
        self._cors = CorsPolicy(settings.cors_origins, RATE_HEADERS if limiter else ())
        self.resource = self._routes().resource()

    def _routes(self) -> RoutedKlein:
        klein = RoutedKlein()
        # A doubled slash is an unknown path like any other, not a redirect.
        klein.url_map.merge_slashes = False
        prefix = self.settings.api_prefix
        klein.route("/", methods=["GET"])(self._show_status)
        klein.route("/ping", methods=["GET"])(self._ping)
        klein.route("/readyz", methods=["GET"])(self._show_readiness)
        if self._metrics is not None:
            klein.route("/metrics", methods=["GET"])(self._metrics.show)
        klein.route(f"{prefix}chat/completions", methods=["POST"])(self._complete_chat)
        klein.route(f"{prefix}models", methods=["GET"])(self._list_models)
        klein.route(f"{prefix}models/<path:name>", methods=["GET"])(self._show_model)
        if self.settings.enable_model_route:
            model_prefix = f"/<path:path_model>{prefix}"
            klein.route(
                f"{model_prefix}chat/completions", methods=["POST"], endpoint="chat of model"
            )(self._complete_chat)
            klein.route(f"{model_prefix}models", methods=["GET"], endpoint="models of model")(
                self._list_models
            )
        if self.settings.admin_key is not None:
            AdminBans(
                self.gate.bans, admin_key=self.settings.admin_key, clock=self._clock
            ).add_routes(klein)
        klein.handle_errors(Exception)(ApiRequest.fail)  # type: ignore[arg-type]
        return klein

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

    # Open to all.

    def _ping(self, request: ApiRequest) -> None:
        request.send(200, _TEXT, b"pong")

    def _show_readiness(self, request: ApiRequest) -> None:
        """Whether requests may be sent here: alive is not yet ready."""
        services = self._readiness()
        ready = all(services.values()) and not request.site.draining
        body = {
            "ready": ready,
            "draining": request.site.draining,
            "services": {name: "ok" if usable else "down" for name, usable in services.items()},
        }
        request.send(200 if ready else 503, _JSON, json.dumps(body).encode())

    def status(self) -> dict[str, Any]:
        """What ``GET /`` says of this process; JSON."""
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
        }

    async def _show_status(self, request: ApiRequest) -> None:
        status = self.status()
        if self._all_workers is not None:
            status = await self._all_workers(status)
        request.send(200, _JSON, json.dumps(status).encode())

    # The API.

    @contextmanager
    def _admitted(self, request: ApiRequest) -> Iterator[None]:
        """Hold one of the places for API requests, for a client with a key, and
        one of the client's own."""
        self._stats.count_api_request()
        self._keys.check(request.getHeader(b"authorization"))
        self.running.enter()
        try:
            if self._limits is None:
                yield
            else:
                with self._limits.place(request):
                    yield
        finally:
            self.running.leave()

    def _list_models(
        self, request: ApiRequest, path_model: str = ""
    ) -> Coroutine[Any, Any, None] | None:
        def send() -> None:
            cards = [_card(model, model.id) for model in self._completions.models]
            request.send(200, _JSON, render_models(cards))

        return self._when_admitted(request, send)

    def _show_model(self, request: ApiRequest, name: str) -> Coroutine[Any, Any, None] | None:
        def send() -> None:
            card = _card(self._completions.find(name), name)
            request.send(200, _JSON, render_model(card))

        return self._when_admitted(request, send)

    def _when_admitted(
        self, request: ApiRequest, send: Callable[[], None]
    ) -> Coroutine[Any, Any, None] | None:
        """Send at once, or with a limit once it is known to be kept."""
        if self._limits is not None:
            return self._send_within_limits(self._limits, request, send)
        with self._admitted(request):
            send()
        return None

    async def _send_within_limits(
        self, limits: RequestLimits, request: ApiRequest, send: Callable[[], None]
    ) -> None:
        with self._admitted(request):
            await limits.admit(request, completion=False)
            send()

    async def _complete_chat(self, request: ApiRequest, path_model: str = "") -> None:
        with self._admitted(request):
            if self._limits is not None:
                await self._limits.admit(request, completion=True)
            _check_content_type(request)
            call = parse(request.body(), ignore_unsupported=self.settings.ignore_unsupported_params)
            completion = self._completions.begin(
                self._with_path_model(call.request, path_model), request_id=request.request_id
            )
            request.figures = completion.figures
            answer, cut = self._answer(request, call, completion)
            self.running.add_cut(cut)
            try:
                await answer
            finally:
                self.running.remove_cut(cut)
                completion.cancel()

    def _with_path_model(self, request: ChatRequest, path_model: str) -> ChatRequest:
        """The model in the path holds where the body names none or an unknown one."""
        if path_model:
            try:
                self._completions.find(request.model)
            except ModelNotFound:
                return replace(request, model=path_model)
        return request

    def _answer(
        self, request: ApiRequest, call: ChatCall, completion: Completion
    ) -> tuple[Coroutine[Any, Any, None], Cut]:
        """The sending of the answer, and what ends it early."""
        completion_id = f"chatcmpl-{token_hex(14)}"
        created_unix = int(self._clock.seconds())
        if not call.stream:
            whole = _send_whole(request, completion, completion_id, created_unix)
            return whole, completion.cancel
        renderer = ChunkRenderer(
            completion_id=completion_id,
            created_unix=created_unix,
            model=completion.model_name,
            choices=call.request.choices,
            include_usage=call.include_usage,
        )
        writer = SseWriter(request, completion, renderer)
        return writer.run(), writer.cut


async def _send_whole(
    request: ApiRequest, completion: Completion, completion_id: str, created_unix: int
) -> None:
    body = render_answer(
        await completion.answer(),
        completion_id=completion_id,
        created_unix=created_unix,
        model=completion.model_name,
    )
    request.send(200, _JSON, body)


def _check_content_type(request: ApiRequest) -> None:
    """Let JSON through, and what does not say what it is.

    :raises UnsupportedMediaType: it says it is something else.
    """
    content_type = request.getHeader(b"content-type")
    if content_type is None:
        return
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type not in (b"application/json", b""):
        shown = content_type.decode("ascii", "backslashreplace")
        raise UnsupportedMediaType(content_type=shown)


def _card(model: Model, name: str) -> ModelCard:
    return ModelCard(
        id=name,
        owner=model.owner,
        created_unix=model.created_unix,
        total_tokens=model.limits.total_tokens,
        input_tokens=model.limits.input_tokens,
        output_tokens=model.limits.output_tokens,
    )
