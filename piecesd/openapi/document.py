"""The OpenAPI document (3.1) of a daemon: its routes, and the operations behind them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from piecesd.errors import ApiError, UnknownPath
from piecesd.openapi.operations import OPERATIONS, Key, Operation
from piecesd.openapi.schemas import Schema, Schemas, any_of

_VERSION = "3.1.0"
_EVENTS = "text/event-stream"
_OF = " of "
_PARAMETER = re.compile(r"\{(\w+)\}")

_DESCRIPTION = """\
Fields that a schema does not name are accepted and not read. `x-treatment` says what \
becomes of the others: they are passed on, honoured, accepted without effect, or refused \
unless they ask for nothing."""

_SECURITY_SCHEMES: Mapping[str, tuple[Key, Schema]] = {
    "bearer": ("API_KEY", {"type": "http", "scheme": "bearer"}),
    "header": ("API_KEY", {"type": "apiKey", "in": "header", "name": "x-api-key"}),
    "admin": ("ADMIN_KEY", {"type": "http", "scheme": "bearer"}),
    "metrics": ("METRICS_TOKEN", {"type": "http", "scheme": "bearer"}),
}
_REQUEST_ID: Schema = {
    "description": "What the log knows the request by.",
    "required": True,
    "schema": {"type": "string"},
}


class Route(NamedTuple):
    """``path`` has its parameters in braces; ``name`` is that of its operation, maybe
    with what tells it from others of that: ``models of model``."""

    path: str
    method: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What of a daemon the document depends on.

    ``keys``: the settings of which a key is asked for. ``models``: their ids.
    """

    version: str
    routes: Sequence[Route]
    keys: frozenset[Key]
    models: Sequence[str]
    ignore_unsupported: bool


def render(served: Served) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(_Document(served).whole())


class _Document:
    def __init__(self, served: Served) -> None:
        self._served = served
        self._schemas = Schemas(ignore_unsupported=served.ignore_unsupported)

    def whole(self) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = {}
        for route in self._served.routes:
            paths.setdefault(route.path, {})[route.method.lower()] = self._operation(route)
        return {
            "openapi": _VERSION,
            "info": {
                "title": "piecesd",
                "version": self._served.version,
                "description": _DESCRIPTION,
            },
            "servers": [{"url": "/"}],
            "paths": paths,
            "components": {
                "schemas": dict(sorted(self._schemas.components.items())),
                "headers": {"X-Request-Id": _REQUEST_ID},
                "securitySchemes": {
                    name: scheme
                    for name, (key, scheme) in _SECURITY_SCHEMES.items()
                    if key in self._served.keys
                },
            },
        }

    def _operation(self, route: Route) -> dict[str, Any]:
        of = OPERATIONS[_operation_name(route)]
        operation: dict[str, Any] = {
            "operationId": _operation_id(route),
            "summary": of.summary,
            "tags": [of.tag],
        }
        further_errors: list[type[ApiError]] = []
        parameters = [self._parameter(name) for name in _PARAMETER.findall(route.path)]
        if parameters:
            further_errors.append(UnknownPath)  # what is in them can make it another
        parameters += [{"name": n, "in": "query", "schema": s} for n, s in of.query.items()]
        if parameters:
            operation["parameters"] = parameters
        operation["responses"] = self._responses(of, further_errors)
        if links := self._links(of, route):
            operation["responses"][str(of.status)]["links"] = links
        if of.request:
            operation["requestBody"] = {
                "required": True,
                "content": {"application/json": self._request(of)},
            }
        if of.key in self._served.keys:
            operation["security"] = [
                {name: []} for name, (key, _) in _SECURITY_SCHEMES.items() if key == of.key
            ]
        return operation

    def _links(self, of: Operation, route: Route) -> dict[str, Any]:
        """To the operations behind the same path that take the id of what is answered."""
        found = {
            _operation_name(each): each
            for each in self._served.routes
            if each.path.startswith(route.path + "/")
        }
        return {
            name.replace(" ", "-"): {
                "operationId": _operation_id(found[name]),
                "parameters": {parameter: "$response.body#/id"},
            }
            for name, parameter in of.leads_to.items()
            if name in found
        }

    def _parameter(self, name: str) -> dict[str, Any]:
        parameter: dict[str, Any] = {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        }
        if name != "address":
            parameter["examples"] = {each: {"value": each} for each in self._served.models}
        return parameter

    def _request(self, of: Operation) -> dict[str, Any]:
        content: dict[str, Any] = {
            "schema": any_of([self._schemas.reference(each, "in") for each in of.request])
        }
        if of.example is not None:
            has_model = "model" in of.request[0].__struct_fields__
            model = {"model": self._served.models[0]} if has_model and self._served.models else {}
            content["example"] = model | dict(of.example)
        return content

    def _responses(self, of: Operation, further_errors: Iterable[type[ApiError]]) -> dict[str, Any]:
        responses = {str(of.status): self._response("The answer.", self._answer(of))}
        for status, errors in _by_status([*of.possible_errors, *further_errors]).items():
            responses[str(status)] = self._response(
                _codes(errors),
                {"application/json": {"schema": self._schemas.reference(of.error, "out")}},
            )
        if of.otherwise is not None:
            status, why = of.otherwise
            responses[str(status)] = self._response(why, self._answer(of))
        return dict(sorted(responses.items()))

    def _response(self, description: str, content: dict[str, Any]) -> dict[str, Any]:
        return {
            "description": description,
            "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
            "content": content,
        }

    def _answer(self, of: Operation) -> dict[str, Any]:
        schema: Schema
        if of.answer is not None:
            schema = self._schemas.reference(of.answer, "out")
        else:
            schema = {"type": "object" if of.media_type == "application/json" else "string"}
        content = {of.media_type: {"schema": schema}}
        if of.also:
            content[of.also] = {"schema": {"type": "string"}}
        if of.events:
            content[of.streamed_as] = {"schema": self._streamed(of)}
        return content

    def _streamed(self, of: Operation) -> Schema:
        """The schema of one event or line; an answer that breaks off ends with an error."""
        parts = any_of([self._schemas.reference(each, "out") for each in (*of.events, of.error)])
        if of.streamed_as != _EVENTS:
            return parts
        data = {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": parts,
        }
        return {
            "description": "What each event of the stream is.",
            "type": "object",
            "properties": {
                "data": {"anyOf": [data, {"const": of.last_event}]} if of.last_event else data
            },
            "required": ["data"],
        }


def _operation_name(route: Route) -> str:
    return route.name if route.name in OPERATIONS else route.name.rpartition(_OF)[0]


def _operation_id(route: Route) -> str:
    return f"{route.method.lower()} {route.path}"


def _by_status(errors: Iterable[type[ApiError]]) -> dict[int, list[type[ApiError]]]:
    by_status: dict[int, list[type[ApiError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return by_status


def _codes(errors: Iterable[type[ApiError]]) -> str:
    """The codes of ``errors``, each once."""
    return ", ".join(dict.fromkeys(f"`{error.code}`" for error in errors))
