"""Descriptions for tests, and whether JSON fits the schemas in them."""

import json
from collections.abc import Iterable
from typing import Any

from jsonschema import Draft202012Validator

from piecesd.openapi.document import Route, Served, render
from piecesd.openapi.operations import Key

ROUTES = (
    Route("/v1/chat/completions", "POST", "chat/completions"),
    Route("/v1/completions", "POST", "completions"),
    Route("/v1/models", "GET", "models"),
    Route("/v1/models/{name}", "GET", "model"),
    Route("/{path_model}/v1/completions", "POST", "completions"),
    Route("/v1/messages", "POST", "messages"),
    Route("/anthropic/v1/models", "GET", "models of anthropic"),
    Route("/anthropic/v1/messages", "POST", "messages of anthropic"),
    Route("/v1/messages/count_tokens", "POST", "count_tokens"),
    Route("/v1/token_count", "POST", "token_count"),
    Route("/v1/responses", "POST", "create response"),
    Route("/v1/responses/{wanted_id}/input_items", "GET", "list input of response of model"),
    Route("/api/chat", "POST", "ollama chat"),
    Route("/api/generate", "POST", "ollama generate"),
    Route("/readyz", "GET", "readyz"),
    Route("/ping", "GET", "ping"),
    Route("/metrics", "GET", "metrics"),
    Route("/admin/bans", "POST", "ban"),
    Route("/admin/bans/{address}", "DELETE", "lift ban"),
)


def document(
    *,
    routes: Iterable[Route] = ROUTES,
    keys: Iterable[Key] = (),
    models: Iterable[str] = ("gpt-4o", "gemini-pro"),
    ignore_unsupported: bool = False,
) -> Any:
    """What a daemon like this one would serve."""
    served = Served(
        version="9.9",
        routes=tuple(routes),
        keys=frozenset(keys),
        models=tuple(models),
        ignore_unsupported=ignore_unsupported,
    )
    return json.loads(render(served))


def fault(schema: Any, value: Any, of: Any) -> str:
    """What is wrong with ``value``, by a schema out of a whole document ``of``;
    empty for nothing."""
    validator = Draft202012Validator(schema | {"components": of["components"]})
    return "; ".join(error.message for error in validator.iter_errors(value))


def body_schema(of: Any, path: str) -> Any:
    """The schema of the body of a request."""
    return of["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]


def answer_schema(
    of: Any, path: str, method: str = "post", media_type: str = "application/json"
) -> Any:
    """The schema of an answer, or of each event of it."""
    return of["paths"][path][method]["responses"]["200"]["content"][media_type]["schema"]
