"""Messages requests of the Anthropic API: their JSON becomes a `ChatRequest`.

Fields follow the "Create a Message" page of the API reference. The types of
known fields are held to strictly; unknown fields are accepted.
"""

from dataclasses import dataclass, replace

import msgspec

from piecesd.chat import Answer, ChatRequest
from piecesd.dialects.anthropic_messages.body import Body, Prompt
from piecesd.dialects.anthropic_messages.content import count_parts, read_message, read_system
from piecesd.dialects.anthropic_messages.reply import MessageStream, render_answer
from piecesd.dialects.anthropic_messages.tools import (
    read_answer_format,
    read_tool_choice,
    read_tools,
)
from piecesd.dialects.bounds import require_few_messages
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.fields import refuse_unsupported
from piecesd.dialects.json_body import decode_body
from piecesd.errors import Phrase, UnsupportedParameter

_DECODER = msgspec.json.Decoder(Body)
_PROMPT_DECODER = msgspec.json.Decoder(Prompt)

_NO_PREFILL = Phrase(
    "the services can't go on with an answer that is begun; the last message must be the user's.",
    "上游服务无法续写已开头的回答；最后一条消息必须来自用户。",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class MessagesCall:
    """A request and how its answer is to be sent."""

    request: ChatRequest
    stream: bool

    def render_answer(self, answer: Answer, head: AnswerHead) -> bytes:
        return render_answer(answer, head)

    def stream_renderer(self, head: AnswerHead) -> MessageStream:
        return MessageStream(head)


def parse(body: bytes, *, ignore_unsupported: bool) -> MessagesCall:
    """Read the body of a Messages request; see `Dialect.parse`."""
    wire = decode_body(_DECODER, body)
    prompt = _read_prompt(wire, ignore_unsupported=ignore_unsupported)
    if not ignore_unsupported and wire.messages[-1].role == "assistant":
        last = len(wire.messages) - 1
        raise UnsupportedParameter(param=f"messages[{last}]", detail=_NO_PREFILL)
    request = replace(
        prompt,
        temperature=wire.temperature,
        top_p=wire.top_p,
        max_output_tokens=wire.max_tokens,
        stop=tuple(wire.stop_sequences or ()),
    )
    return MessagesCall(request=request, stream=bool(wire.stream))


def parse_count(body: bytes, *, ignore_unsupported: bool) -> ChatRequest:
    """Read the body of a request to count a prompt, which is the request's.

    :raises InvalidRequest: see `Dialect.parse`.
    """
    wire = decode_body(_PROMPT_DECODER, body)
    return _read_prompt(wire, ignore_unsupported=ignore_unsupported)


def _read_prompt(wire: Prompt, *, ignore_unsupported: bool) -> ChatRequest:
    require_few_messages("messages", count_parts(wire.system, wire.messages))
    if not ignore_unsupported:
        _refuse_unsupported(wire)
    messages = list(read_system(wire.system))
    for index, message in enumerate(wire.messages):
        messages += read_message(message, f"messages[{index}]")
    tools = read_tools(wire.tools)
    choice = wire.tool_choice
    return ChatRequest(
        model=wire.model or "",
        messages=tuple(messages),
        tools=tools,
        tool_choice=read_tool_choice(choice, tools),
        parallel_tool_calls=choice is None or not choice.disable_parallel_tool_use,
        answer_format=read_answer_format(wire),
    )


def _refuse_unsupported(wire: Prompt) -> None:
    refuse_unsupported(wire)
    if wire.output_config is not None:
        refuse_unsupported(wire.output_config, "output_config.")
    for index, tool in enumerate(wire.tools or ()):
        refuse_unsupported(tool, f"tools[{index}].")
