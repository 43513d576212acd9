"""Ollama's API, under ``/api/``."""

from collections.abc import Callable, Coroutine, Mapping
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
from piecesd.errors import MethodNotAllowed, UnknownPath
from piecesd.http.completions import CompletionEndpoint, CompletionSender
from piecesd.http.json_request import JSON_HEADERS, require_json_or_curl
from piecesd.http.models import model_card, model_cards
from piecesd.http.request import ApiRequest


class OllamaApi:
    """All but what makes, moves and embeds models."""

    def __init__(self, sender: CompletionSender) -> None:
        self._sender = sender
        self._completions = sender.completions
        chat, generate = (
            CompletionEndpoint(dialect, sender, require_json_or_curl).complete
            for dialect in (ollama_chat, ollama_generate)
        )
        self._served: Mapping[str, tuple[str, Callable[..., Any]]] = {
            "chat": ("POST", chat),
            "generate": ("POST", generate),
            "tags": ("GET", self._list_models),
            "ps": ("GET", self._list_running),
            "show": ("POST", self._show_model),
            "version": ("GET", self._show_version),
        }

    def add_routes(self, klein: Klein) -> None:
        for path, (method, answer) in self._served.items():
            klein.route(f"/api/{path}", methods=[method], endpoint=f"ollama {path}")(answer)
        klein.route("/api/<path:rest>")(self._refuse)

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

    def _refuse(self, request: ApiRequest, rest: str) -> None:
        """:raises ApiError: there is no such path, or not for that method; in the
        shape that Ollama's clients read."""
        request.render_error = render_error
        method, path = request.shown_method, request.shown_path
        if rest not in self._served:
            raise UnknownPath(method=method, path=path)
        served, _ = self._served[rest]
        allowed = ("GET", "HEAD") if served == "GET" else (served,)
        raise MethodNotAllowed(method=method, path=path, allowed=allowed)
