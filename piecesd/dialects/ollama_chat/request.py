"""Requests to Ollama's ``/api/chat``: their JSON becomes a `ChatRequest`.

Fields follow the "Generate a chat message" page of Ollama's API reference.
"""

from collections import defaultdict, deque
from collections.abc import Iterator

import msgspec

from piecesd.chat import Message, Role, ToolCall
from piecesd.dialects.dialect import Acknowledgement
from piecesd.dialects.fields import refuse_unsupported
from piecesd.dialects.json_body import decode_body, object_text
from piecesd.dialects.ollama_answer import OllamaCall, acknowledgement, new_chat_line
from piecesd.dialects.ollama_chat.body import ROLES, Body, MessageBody
from piecesd.dialects.ollama_request import (
    asks_to_unload,
    read_format,
    read_request,
    refuse_images,
)
from piecesd.dialects.openai_tools import read_tools
from piecesd.errors import InvalidValue, Phrase

_DECODER = msgspec.json.Decoder(Body)


def parse(body: bytes, *, ignore_unsupported: bool) -> OllamaCall | Acknowledgement:
    """Read the body of a chat request; see `Dialect.parse`. One without messages
    only asks for the model."""
    wire = decode_body(_DECODER, body)
    if not ignore_unsupported:
        refuse_unsupported(wire)
    tools, answer_format = read_tools(wire.tools), read_format(wire.format)
    if not wire.messages:
        return acknowledgement(
            wire.model or "", new_chat_line, unload=asks_to_unload(wire.keep_alive)
        )
    request = read_request(
        model=wire.model,
        messages=tuple(_read_messages(wire.messages)),
        options=wire.options,
        answer_format=answer_format,
        ignore_unsupported=ignore_unsupported,
        tools=tools,
    )
    return OllamaCall(request=request, stream=wire.stream is not False, new_line=new_chat_line)


def _read_messages(bodies: list[MessageBody]) -> Iterator[Message]:
    waiting = _WaitingCalls()
    for index, body in enumerate(bodies):
        path = f"messages[{index}]"
        refuse_images(body.images, f"{path}.images")
        role = _read_role(body.role, f"{path}.role")
        calls = _read_tool_calls(body, f"{path}.tool_calls", waiting.count)
        waiting.add(calls)
        yield Message(
            role=role,
            text=body.content or "",
            name=body.tool_name,
            tool_calls=calls,
            tool_call_id=waiting.take(body) if role == "tool" else None,
        )


class _WaitingCalls:
    """The calls of a conversation that no result has come of yet.

    Most clients name none by an id. A result then belongs to the first call of
    its tool that waits, and one that names no tool to the first of all.
    ``count`` is how many calls there were in all.
    """

    def __init__(self) -> None:
        self.count = 0
        self._all: deque[str] = deque()
        self._by_name: defaultdict[str, deque[str]] = defaultdict(deque)
        self._answered: set[str] = set()

    def add(self, calls: tuple[ToolCall, ...]) -> None:
        self.count += len(calls)
        for call in calls:
            self._all.append(call.id)
            self._by_name[call.name].append(call.id)

    def take(self, result: MessageBody) -> str | None:
        """The id of the call whose result that is; it waits no more."""
        call_id = result.tool_call_id or self._first(result.tool_name)
        if call_id is not None:
            self._answered.add(call_id)
        return call_id

    def _first(self, name: str | None) -> str | None:
        waiting = self._by_name[name] if name else self._all
        while waiting:
            call_id = waiting.popleft()
            if call_id not in self._answered:
                return call_id
        return None


def _read_role(name: str, path: str) -> Role:
    """Ollama cares for no capitals."""
    role = ROLES.get(name.lower())
    if role is None:
        names = ", ".join(ROLES)
        raise InvalidValue(
            param=path,
            detail=Phrase(f"it must be one of {names}.", f"必须是以下之一：{names}。"),
        )
    return role


def _read_tool_calls(body: MessageBody, path: str, count: int) -> tuple[ToolCall, ...]:
    """The calls of a message, before which there were ``count`` others."""
    calls = []
    for index, call in enumerate(body.tool_calls or ()):
        arguments = object_text(call.function.arguments, f"{path}[{index}].function.arguments")
        calls.append(
            ToolCall(
                id=call.id or f"call_{count + index + 1}",
                name=call.function.name,
                arguments=arguments or "{}",
            )
        )
    return tuple(calls)
