"""Chat completions requests of the OpenAI API: their JSON becomes a `ChatRequest`.

Fields follow the "Create chat completion" page of the OpenAI API reference.
The types of known fields are held to strictly, as the API does; unknown fields
are accepted.
"""

from dataclasses import dataclass

import msgspec

from piecesd.chat import ChatRequest, Message, Role
from piecesd.dialects.json_body import decode_body
from piecesd.dialects.openai_body import Body, MessageBody, PartBody, unsupported
from piecesd.errors import (
    InvalidValue,
    MissingParameter,
    Phrase,
    UnsupportedContent,
    UnsupportedParameter,
)

MAX_CHOICES = 16
"""The most answers one request may ask for; each is an upstream call of its own."""

MAX_NAME_CHARACTERS = 256
"""Names that are given back, in answers or in errors, may be this long."""

MAX_MESSAGES = 10_000
"""Messages and their parts, together: each costs time of the thread that serves
everybody, and no model's input has room for so many."""

MAX_STOPS = 4
MAX_STOP_CHARACTERS = 1000
"""A stop sequence may be this long; the automaton that looks for it grows with it."""

_DECODER = msgspec.json.Decoder(Body)

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_ROLES_WITHOUT_CONTENT = frozenset({"assistant", "function"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatCall:
    """A request and how its answer is to be sent: streamed or whole, and
    whether a stream ends with a count of its tokens."""

    request: ChatRequest
    stream: bool
    include_usage: bool


def parse(body: bytes, *, ignore_unsupported: bool) -> ChatCall:
    """Read the body of a chat completions request.

    :param ignore_unsupported: let parameters that can't be honoured go without
        effect. Content that isn't text is refused all the same.
    :raises InvalidRequest: the body is not JSON or not such a request, or asks
        for what can't be honoured; ``param`` is the path of the field.
    """
    wire = decode_body(_DECODER, body)
    _require_messages(wire.messages)
    if not ignore_unsupported:
        _refuse_unsupported(wire, "")
        for index, message in enumerate(wire.messages):
            _refuse_unsupported(message, f"messages[{index}].")
    model = wire.model or ""
    _require_length("model", model, 0, MAX_NAME_CHARACTERS)
    _require_within("temperature", wire.temperature, 0, 2)
    _require_within("top_p", wire.top_p, 0, 1)
    _require_within("n", wire.n, 1, MAX_CHOICES)
    request = ChatRequest(
        model=model,
        messages=_messages(wire.messages),
        temperature=wire.temperature,
        top_p=wire.top_p,
        max_output_tokens=_max_output_tokens(wire),
        stop=_stops(wire.stop),
        choices=1 if wire.n is None else wire.n,
    )
    options = wire.stream_options
    return ChatCall(
        request=request,
        stream=bool(wire.stream),
        include_usage=options is not None and bool(options.include_usage),
    )


def _refuse_unsupported(body: Body | MessageBody, path: str) -> None:
    for name, why in unsupported(body):
        raise UnsupportedParameter(param=path + name, detail=why)


def _require_messages(bodies: list[MessageBody]) -> None:
    if not bodies:
        raise InvalidValue(
            param="messages",
            detail=Phrase("there must be at least one message.", "至少需要一条消息。"),
        )
    count = len(bodies)
    if count <= MAX_MESSAGES:
        count += sum(len(body.content) for body in bodies if isinstance(body.content, list))
    if count > MAX_MESSAGES:
        raise InvalidValue(
            param="messages",
            detail=Phrase(
                f"there may be at most {MAX_MESSAGES} messages and parts of messages.",
                f"消息及其部分最多 {MAX_MESSAGES} 个。",
            ),
        )


def _messages(bodies: list[MessageBody]) -> tuple[Message, ...]:
    return tuple(_message(body, f"messages[{index}]") for index, body in enumerate(bodies))


def _message(body: MessageBody, path: str) -> Message:
    role = _ROLES.get(body.role)
    if role is None:
        names = ", ".join(_ROLES)
        raise InvalidValue(
            param=f"{path}.role",
            detail=Phrase(f"it must be one of {names}.", f"必须是以下之一：{names}。"),
        )
    return Message(role=role, text=_message_text(body, path), name=body.name)


def _message_text(body: MessageBody, path: str) -> str:
    """The text of a message. Parts are joined by a newline: the services take
    one text, and parts that were written apart should not run together."""
    content = body.content
    if isinstance(content, str):
        return content
    if content is not None:
        return "\n".join(
            _part_text(part, f"{path}.content[{index}]") for index, part in enumerate(content)
        )
    if body.role not in _ROLES_WITHOUT_CONTENT:
        raise MissingParameter(param=f"{path}.content")
    return body.refusal or ""


def _part_text(part: PartBody, path: str) -> str:
    if part.type not in ("text", "refusal"):
        raise UnsupportedContent(kind=part.type[:MAX_NAME_CHARACTERS], param=path)
    text = part.text if part.type == "text" else part.refusal
    if text is None:
        raise MissingParameter(param=f"{path}.{part.type}")
    return text


def _require_within(param: str, value: float | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise InvalidValue(
            param=param,
            detail=Phrase(f"it must be from {low} to {high}.", f"必须在 {low} 到 {high} 之间。"),
        )


def _max_output_tokens(wire: Body) -> int | None:
    """The API calls both fields upper bounds, so the smaller of them holds."""
    bounds = {
        "max_completion_tokens": wire.max_completion_tokens,
        "max_tokens": wire.max_tokens,
    }
    for param, bound in bounds.items():
        if bound is not None and bound < 1:
            raise InvalidValue(param=param, detail=Phrase("it must be at least 1.", "不得小于 1。"))
    return min((bound for bound in bounds.values() if bound is not None), default=None)


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    if stop is None:
        return ()
    if isinstance(stop, str):
        return (_stop("stop", stop),)
    if len(stop) > MAX_STOPS:
        raise InvalidValue(
            param="stop",
            detail=Phrase(f"there may be at most {MAX_STOPS}.", f"最多 {MAX_STOPS} 个。"),
        )
    return tuple(_stop(f"stop[{index}]", text) for index, text in enumerate(stop))


def _stop(param: str, text: str) -> str:
    _require_length(param, text, 1, MAX_STOP_CHARACTERS)
    return text


def _require_length(param: str, text: str, low: int, high: int) -> None:
    if not low <= len(text) <= high:
        raise InvalidValue(
            param=param,
            detail=Phrase(
                f"it must have {low} to {high} characters.",
                f"长度必须为 {low} 到 {high} 个字符。",
            ),
        )
