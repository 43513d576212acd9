"""What there is to be called: for each route one entry, by the name of the route.

A route that is served under several prefixes has the same entry under each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from piecesd import errors
from piecesd.dialects import (
    admin_bans,
    anthropic_errors,
    anthropic_models,
    ollama_answer,
    ollama_errors,
    ollama_models,
    openai_errors,
    openai_models,
    readiness,
    token_count,
)
from piecesd.dialects.anthropic_messages import body as messages_body
from piecesd.dialects.anthropic_messages import reply as messages_reply
from piecesd.dialects.ollama_chat import body as ollama_chat_body
from piecesd.dialects.ollama_generate import body as ollama_generate_body
from piecesd.dialects.openai_chat import body as chat_body
from piecesd.dialects.openai_chat import reply as chat_reply
from piecesd.dialects.openai_completions import body as completions_body
from piecesd.dialects.openai_completions import reply as completions_reply
from piecesd.dialects.openai_responses import body as responses_body
from piecesd.dialects.openai_responses import reply as responses_reply
from piecesd.dialects.openai_responses import stored as responses_stored
from piecesd.dialects.openai_responses import stream as responses_stream
from piecesd.errors import ApiError

Key = Literal["API_KEY", "ADMIN_KEY", "METRICS_TOKEN"]
"""The setting that has the key for an operation."""

Errors = tuple[type[ApiError], ...]

_ANY: Errors = (
    errors.MalformedHttp,
    errors.RequestTimedOut,
    errors.BodyTooLarge,
    errors.HeaderTooLarge,
    errors.AddressRefused,
    errors.AddressBanned,
    errors.InternalError,
)
_LIMITS: Errors = (errors.RateLimited, errors.Overloaded, errors.ShuttingDown)
_BODY: Errors = (
    errors.MalformedJson,
    errors.NotAnObject,
    errors.MissingParameter,
    errors.WrongType,
    errors.InvalidValue,
)
_MODEL: Errors = (errors.ModelNotFound,)
_COMPLETION: Errors = (
    *_LIMITS,
    *_BODY,
    *_MODEL,
    errors.UnsupportedParameter,
    errors.UnsupportedContent,
    errors.UnsupportedMediaType,
    errors.ContextLengthExceeded,
    errors.UpstreamError,
    errors.UpstreamUnavailable,
    errors.UpstreamBroken,
    errors.UpstreamRateLimited,
    errors.UpstreamTimeout,
)
_STORED: Errors = (*_LIMITS, errors.ResponseNotFound, errors.StoreUnavailable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """What a route does.

    ``answer`` is JSON; where there is no Struct for it, ``media_type`` says what
    it is, and ``also`` what else it may be. ``otherwise`` is a status that the
    same may come with, and why.
    ``request`` are the forms that its body may have. ``events`` are the JSON of
    events, or of lines, where the answer may be streamed, and ``last_event`` is
    what the last one has instead.
    ``example`` is a body, less the model, for any of those served. ``error`` is
    the form of errors. ``leads_to`` has, by their names, operations on what
    is answered, and the parameter that its id is for. ``query`` has the schemas of
    what may stand in the URL's.
    """

    summary: str
    tag: str
    answer: type[msgspec.Struct] | None = None
    media_type: str = "application/json"
    also: str = ""
    status: int = 200
    otherwise: tuple[int, str] | None = None
    request: tuple[type[msgspec.Struct], ...] = ()
    example: Mapping[str, Any] | None = None
    events: tuple[type[msgspec.Struct], ...] = ()
    last_event: str = ""
    streamed_as: str = "text/event-stream"
    errors: Errors = ()
    error: type[msgspec.Struct] = openai_errors.ErrorBody
    key: Key | None = None
    leads_to: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def possible_errors(self) -> Errors:
        """All that it may be answered with."""
        return (*_ANY, *self.errors, *((errors.InvalidApiKey,) if self.key else ()))


OPERATIONS: Mapping[str, Operation] = {
    "chat/completions": Operation(
        summary="Continue a conversation, whole or streamed",
        tag="OpenAI",
        request=(chat_body.Body,),
        example={"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 9},
        answer=chat_reply.Completion,
        events=(chat_reply.Chunk,),
        last_event="[DONE]",
        errors=_COMPLETION,
        key="API_KEY",
    ),
    "completions": Operation(
        summary="Continue a prompt or several, whole or streamed",
        tag="OpenAI",
        request=(completions_body.Body,),
        example={"prompt": "Once upon a time", "max_tokens": 9},
        answer=completions_reply.Completion,
        events=(completions_reply.Completion,),
        last_event="[DONE]",
        errors=_COMPLETION,
        key="API_KEY",
    ),
    "models": Operation(
        summary="List the models that are served",
        tag="OpenAI",
        answer=openai_models.ModelList,
        errors=_LIMITS,
        key="API_KEY",
    ),
    "model": Operation(
        summary="Look at one model, by its id or an alias",
        tag="OpenAI",
        answer=openai_models.Model,
        errors=(*_LIMITS, *_MODEL),
        key="API_KEY",
    ),
    "create response": Operation(
        summary="Make a response, whole or streamed",
        tag="Responses",
        request=(responses_body.Body,),
        example={"input": "Hello!", "max_output_tokens": 9},
        answer=responses_reply.Response,
        events=(responses_stream.NumberedEvent,),
        last_event="[DONE]",
        errors=(
            *_COMPLETION,
            errors.PreviousResponseNotFound,
            errors.ItemNotFound,
            errors.StoreUnavailable,
        ),
        key="API_KEY",
        leads_to={
            "show response": "wanted_id",
            "list input of response": "wanted_id",
            "delete response": "wanted_id",
        },
    ),
    "show response": Operation(
        summary="Look at a response that is stored",
        tag="Responses",
        answer=responses_reply.Response,
        errors=(*_STORED, errors.UnsupportedParameter),
        key="API_KEY",
    ),
    "delete response": Operation(
        summary="Delete a response that is stored",
        tag="Responses",
        answer=responses_stored.Deleted,
        errors=_STORED,
        key="API_KEY",
    ),
    "list input of response": Operation(
        summary="List what the model was given",
        tag="Responses",
        answer=responses_stored.ItemList,
        errors=(*_STORED, errors.WrongType, errors.InvalidValue),
        key="API_KEY",
        query=responses_stored.QUERY,
    ),
    "messages": Operation(
        summary="Continue a conversation, whole or streamed",
        tag="Anthropic",
        request=(messages_body.Body,),
        example={"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 9},
        answer=messages_reply.Message,
        events=messages_reply.EVENTS,
        errors=_COMPLETION,
        error=anthropic_errors.ErrorBody,
        key="API_KEY",
    ),
    "count_tokens": Operation(
        summary="Count the tokens of a conversation",
        tag="Anthropic",
        request=(messages_body.Prompt,),
        example={"messages": [{"role": "user", "content": "Hello!"}]},
        answer=messages_reply.Count,
        errors=_COMPLETION,
        error=anthropic_errors.ErrorBody,
        key="API_KEY",
    ),
    "models of anthropic": Operation(
        summary="List the models that are served, page by page",
        tag="Anthropic",
        answer=anthropic_models.ModelPage,
        errors=(*_LIMITS, errors.WrongType, errors.InvalidValue),
        error=anthropic_errors.ErrorBody,
        key="API_KEY",
        query=anthropic_models.QUERY,
    ),
    "model of anthropic": Operation(
        summary="Look at one model, by its id or an alias",
        tag="Anthropic",
        answer=anthropic_models.Model,
        errors=(*_LIMITS, *_MODEL),
        error=anthropic_errors.ErrorBody,
        key="API_KEY",
    ),
    "token_count": Operation(
        summary="Count the tokens of a text or of a conversation",
        tag="piecesd",
        request=(token_count.Body, chat_body.Body),
        example={"text": "Hello!"},
        answer=token_count.TokenCount,
        errors=_COMPLETION,
        key="API_KEY",
    ),
    "ollama chat": Operation(
        summary="Continue a conversation, streamed or whole",
        tag="Ollama",
        request=(ollama_chat_body.Body,),
        example={"messages": [{"role": "user", "content": "Hello!"}], "stream": False},
        answer=ollama_answer.Line,
        events=(ollama_answer.Line,),
        streamed_as=ollama_answer.NDJSON,
        errors=_COMPLETION,
        error=ollama_errors.ErrorBody,
        key="API_KEY",
    ),
    "ollama generate": Operation(
        summary="Continue a prompt, streamed or whole",
        tag="Ollama",
        request=(ollama_generate_body.Body,),
        example={"prompt": "Once upon a time", "stream": False},
        answer=ollama_answer.Line,
        events=(ollama_answer.Line,),
        streamed_as=ollama_answer.NDJSON,
        errors=_COMPLETION,
        error=ollama_errors.ErrorBody,
        key="API_KEY",
    ),
    "ollama tags": Operation(
        summary="List the models that are served",
        tag="Ollama",
        answer=ollama_models.Tags,
        errors=_LIMITS,
        error=ollama_errors.ErrorBody,
        key="API_KEY",
    ),
    "ollama ps": Operation(
        summary="List the models in memory: none",
        tag="Ollama",
        answer=ollama_models.Tags,
        errors=_LIMITS,
        error=ollama_errors.ErrorBody,
        key="API_KEY",
    ),
    "ollama show": Operation(
        summary="Look at one model",
        tag="Ollama",
        request=(ollama_models.ShowBody,),
        example={},
        answer=ollama_models.Shown,
        errors=(*_LIMITS, *_MODEL, *_BODY, errors.UnsupportedMediaType),
        error=ollama_errors.ErrorBody,
        key="API_KEY",
    ),
    "ollama version": Operation(
        summary="Read the version of Ollama's API that this is",
        tag="Ollama",
        answer=ollama_models.Version,
        errors=_LIMITS,
        error=ollama_errors.ErrorBody,
        key="API_KEY",
    ),
    "openapi": Operation(summary="Read this description", tag="daemon"),
    "ping": Operation(
        summary="See whether the process is alive", tag="daemon", media_type="text/plain"
    ),
    "readyz": Operation(
        summary="See whether requests may be sent here",
        tag="daemon",
        answer=readiness.Readiness,
        otherwise=(503, "They may not."),
    ),
    "status": Operation(
        summary="Read the version, and figures of pools and requests; a page for browsers",
        tag="daemon",
        also="text/html",
    ),
    "metrics": Operation(
        summary="Read the metrics, for Prometheus",
        tag="daemon",
        media_type="text/plain",
        key="METRICS_TOKEN",
    ),
    "bans": Operation(
        summary="List the bans",
        tag="bans",
        answer=admin_bans.BanList,
        key="ADMIN_KEY",
    ),
    "ban": Operation(
        summary="Ban an address or a network",
        tag="bans",
        request=(admin_bans.BanOrder,),
        example={"address": "192.0.2.7", "seconds": 60, "reason": "spam"},
        answer=admin_bans.Ban,
        status=201,
        errors=_BODY,
        key="ADMIN_KEY",
    ),
    "lift all bans": Operation(
        summary="Lift all bans", tag="bans", answer=admin_bans.Lifted, key="ADMIN_KEY"
    ),
    "lift ban": Operation(
        summary="Lift the ban of an address or a network",
        tag="bans",
        answer=admin_bans.Lifted,
        errors=(errors.InvalidValue, errors.BanNotFound),
        key="ADMIN_KEY",
    ),
}
