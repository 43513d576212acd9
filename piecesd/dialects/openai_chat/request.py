"""Chat completions requests of the OpenAI API: their JSON becomes a `ChatRequest`.

Fields follow the "Create chat completion" page of the OpenAI API reference.
The types of known fields are held to strictly, as the API does; unknown fields
are accepted.
"""

from dataclasses import dataclass

import msgspec

from piecesd.chat import Answer, ChatRequest, Message
from piecesd.dialects.bounds import (
    MAX_NAME_CHARACTERS,
    listed,
    require_few_messages,
)
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.fields import refuse_unsupported, require_needed
from piecesd.dialects.json_body import decode_body
from piecesd.dialects.openai_chat.body import PART_TYPES, ROLES, Body, MessageBody, PartBody
from piecesd.dialects.openai_chat.reply import ChunkRenderer, render_answer
from piecesd.dialects.openai_tools import (
    read_response_format,
    read_tool_calls,
    read_tool_choice,
    read_tools,
)
from piecesd.errors import InvalidValue, Phrase, UnsupportedContent

_DECODER = msgspec.json.Decoder(Body)


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
    choice, tools = read_tool_choice(wire.tool_choice, read_tools(wire.tools))
    request = ChatRequest(
        model=wire.model or "",
        messages=_messages(wire.messages),
        temperature=wire.temperature,
        top_p=wire.top_p,
        max_output_tokens=_max_output_tokens(wire),
        stop=listed(wire.stop),
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
    """Messages and their parts."""
    return len(bodies) + sum(len(body.content) for body in bodies if isinstance(body.content, list))


def _messages(bodies: list[MessageBody]) -> tuple[Message, ...]:
    return tuple(_message(body, f"messages[{index}]") for index, body in enumerate(bodies))


def _message(body: MessageBody, path: str) -> Message:
    role = ROLES.get(body.role)
    if role is None:
        names = ", ".join(ROLES)
        raise InvalidValue(
            param=f"{path}.role",
            detail=Phrase(f"it must be one of {names}.", f"必须是以下之一：{names}。"),
        )
    require_needed(body, f"{path}.")
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
    return body.refusal or ""


def _part_text(part: PartBody, path: str) -> str:
    if part.type not in PART_TYPES:
        raise UnsupportedContent(kind=part.type[:MAX_NAME_CHARACTERS], param=path)
    require_needed(part, f"{path}.")
    return (part.text if part.type == "text" else part.refusal) or ""


def _max_output_tokens(wire: Body) -> int | None:
    """The API calls both fields upper bounds, so the smaller of them holds."""
    bounds = (wire.max_completion_tokens, wire.max_tokens)
    return min((bound for bound in bounds if bound is not None), default=None)
