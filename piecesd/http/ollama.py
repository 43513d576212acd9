"""Ollama's API, under ``/api/``."""

from collections.abc import Callable, Coroutine
from typing import Any

from klein import Klein

from piecesd.dialects import ollama_chat, ollama_generate
from piecesd.dialects.ollama_errors import render_error
from piecesd.dialects.ollama_models import (
    parse_show,
    render_running,
    render_shown,
    render_tags,
    render_version,
)
from piecesd.errors import UnknownPath
from piecesd.http.completions import CompletionEndpoint, CompletionSender
from piecesd.http.json_request import JSON_HEADERS, require_json_or_curl
from piecesd.http.models import model_card, model_cards
from piecesd.http.request import ApiRequest


class OllamaApi:
    """All but what makes, moves and embeds models."""

    def __init__(self, sender: CompletionSender) -> None:
        self._sender = sender
        self._completions = sender.completions

    def add_routes(self, klein: Klein) -> None:
        for path, dialect in (("chat", ollama_chat), ("generate", ollama_generate)):
            klein.route(f"/api/{path}", methods=["POST"], endpoint=f"ollama {path}")(
                CompletionEndpoint(dialect, self._sender, require_json_or_curl).complete
            )
        klein.route("/api/tags", methods=["GET"])(self._list_models)
        klein.route("/api/ps", methods=["GET"])(self._list_running)
        klein.route("/api/show", methods=["POST"])(self._show_model)
        klein.route("/api/version", methods=["GET"])(self._show_version)
        klein.route("/api/<path:unknown>")(self._refuse)

    def _list_models(self, request: ApiRequest) -> Coroutine[Any, Any, None] | None:
        return self._send(request, lambda: render_tags(model_cards(self._completions)))

    def _list_running(self, request: ApiRequest) -> Coroutine[Any, Any, None] | None:
        return self._send(request, render_running)

    def _show_version(self, request: ApiRequest) -> Coroutine[Any, Any, None] | None:
        return self._send(request, render_version)

    async def _show_model(self, request: ApiRequest) -> None:
        request.render_error = render_error
        sender = self._sender
        with sender.admission.place(request):
            await sender.admission.admit(request, completion=False)
            asked = parse_show(await sender.body_of(request, require_json_or_curl))
            name, model = self._completions.choose(asked)
            card = model_card(self._completions, model, name)
            request.send(200, JSON_HEADERS, render_shown(card))

    def _send(
        self, request: ApiRequest, render: Callable[[], bytes]
    ) -> Coroutine[Any, Any, None] | None:
        request.render_error = render_error
        return self._sender.admission.when_admitted(
            request, lambda: request.send(200, JSON_HEADERS, render())
        )

    def _refuse(self, request: ApiRequest, unknown: str) -> None:
        """:raises UnknownPath: in the shape that Ollama's clients read."""
        request.render_error = render_error
        raise UnknownPath(method=request.shown_method, path=request.shown_path)
