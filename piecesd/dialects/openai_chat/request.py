"""Chat completions requests of the OpenAI API: their JSON becomes a `ChatRequest`.

Fields follow the "Create chat completion" page of the OpenAI API reference.
The types of known fields are held to strictly, as the API does; unknown fields
are accepted.
"""

from dataclasses import dataclass

import msgspec

from piecesd.chat import Answer, ChatRequest, Message, Role
from piecesd.dialects.bounds import (
    MAX_CHOICES,
    MAX_MESSAGES,
    MAX_NAME_CHARACTERS,
    require_few_messages,
    require_length,
    require_positive,
    require_within,
    stop_sequences,
)
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.fields import refuse_unsupported
from piecesd.dialects.json_body import decode_body
from piecesd.dialects.openai_chat.body import Body, MessageBody, PartBody
from piecesd.dialects.openai_chat.reply import ChunkRenderer, render_answer
from piecesd.dialects.openai_tools import (
    read_response_format,
    read_tool_calls,
    read_tool_choice,
    read_tools,
)
from piecesd.errors import InvalidValue, MissingParameter, Phrase, UnsupportedContent

MAX_STOPS = 4

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

    def render_answer(self, answer: Answer, head: AnswerHead) -> bytes:
        return render_answer(answer, head)

    def stream_renderer(self, head: AnswerHead) -> ChunkRenderer:
        return ChunkRenderer(head, choices=self.request.choices, include_usage=self.include_usage)


def parse(body: bytes, *, ignore_unsupported: bool) -> ChatCall:
    """Read the body of a chat completions request; see `Dialect.parse`."""
    wire = decode_body(_DECODER, body)
    require_few_messages("messages", _count(wire.messages))
    if not ignore_unsupported:
        refuse_unsupported(wire)
        for index, message in enumerate(wire.messages):
            refuse_unsupported(message, f"messages[{index}].")
    model = wire.model or ""
    require_length("model", model, 0, MAX_NAME_CHARACTERS)
    require_within("temperature", wire.temperature, 0, 2)
    require_within("top_p", wire.top_p, 0, 1)
    require_within("n", wire.n, 1, MAX_CHOICES)
    choice, tools = read_tool_choice(wire.tool_choice, read_tools(wire.tools))
    request = ChatRequest(
        model=model,
        messages=_messages(wire.messages),
        temperature=wire.temperature,
        top_p=wire.top_p,
        max_output_tokens=_max_output_tokens(wire),
        stop=stop_sequences("stop", wire.stop, most=MAX_STOPS),
        choices=1 if wire.n is None else wire.n,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=wire.parallel_tool_calls is not False,
        answer_format=read_response_format(wire.response_format),
    )
    options = wire.stream_options
    return ChatCall(
        request=request,
        stream=bool(wire.stream),
        include_usage=options is not None and bool(options.include_usage),
    )


def _count(bodies: list[MessageBody]) -> int:
    """Messages and their parts; those of too many messages are not counted."""
    count = len(bodies)
    if count <= MAX_MESSAGES:
        count += sum(len(body.content) for body in bodies if isinstance(body.content, list))
    return count


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
    return Message(
        role=role,
        text=_message_text(body, path),
        name=body.name,
        tool_calls=read_tool_calls(body.tool_calls, f"{path}.tool_calls"),
        tool_call_id=body.tool_call_id,
    )


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


def _max_output_tokens(wire: Body) -> int | None:
    """The API calls both fields upper bounds, so the smaller of them holds."""
    bounds = {
        "max_completion_tokens": wire.max_completion_tokens,
        "max_tokens": wire.max_tokens,
    }
    for param, bound in bounds.items():
        require_positive(param, bound)
    return min((bound for bound in bounds.values() if bound is not None), default=None)
