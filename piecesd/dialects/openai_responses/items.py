"""Items: what the input and the output of a response are made of.

The Structs are items as the API gives them back, and as they are stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import msgspec

from piecesd.chat import Choice, Message, ToolCall
from piecesd.dialects.bounds import MAX_NAME_CHARACTERS
from piecesd.dialects.fields import require_needed
from piecesd.dialects.openai_responses.body import ROLES, TEXTS, ItemBody, PartBody
from piecesd.errors import InvalidValue, MissingParameter, Phrase, UnsupportedContent

Status = Literal["in_progress", "completed", "incomplete"]


class InputText(msgspec.Struct, tag_field="type", tag="input_text"):
    text: str


class OutputText(msgspec.Struct, tag_field="type", tag="output_text"):
    """There are never annotations or log probabilities."""

    text: str
    annotations: tuple[()] = ()
    logprobs: tuple[()] = ()


class Refusal(msgspec.Struct, tag_field="type", tag="refusal"):
    refusal: str


class MessageItem(msgspec.Struct, tag_field="type", tag="message", kw_only=True):
    id: str = ""
    status: Status = "completed"
    role: str
    content: list[InputText | OutputText | Refusal]


class FunctionCallItem(msgspec.Struct, tag_field="type", tag="function_call", kw_only=True):
    id: str = ""
    status: Status = "completed"
    call_id: str
    name: str
    arguments: str


class CallOutputItem(msgspec.Struct, tag_field="type", tag="function_call_output", kw_only=True):
    """The result of a call."""

    id: str = ""
    status: Status = "completed"
    call_id: str
    output: str | list[InputText]


Item: TypeAlias = MessageItem | FunctionCallItem | CallOutputItem

_PREFIXES: dict[type, str] = {
    MessageItem: "msg",
    FunctionCallItem: "fc",
    CallOutputItem: "fco",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemReference:
    """Stands for an item of a stored response; ``param`` is where."""

    id: str
    param: str


def item_id(kind: type, token: str, number: int) -> str:
    """An id: ``token`` is that of the response, and ``number`` counts the items of
    its own input, then those of its output."""
    return f"{_PREFIXES[kind]}_{token}{number:04x}"


def with_ids(items: Iterable[Item], token: str) -> list[Item]:
    """The items of a response's own input, each with an id."""
    return [
        item if item.id else msgspec.structs.replace(item, id=item_id(type(item), token, number))
        for number, item in enumerate(items)
    ]


# Reading those of a request.


def read_items(bodies: Sequence[ItemBody], path: str) -> Iterator[Item | ItemReference]:
    """The items of an input. Reasoning is left out: the services take none.

    :raises InvalidRequest: one is not of the API's form, or is nothing that the
        services could be told of.
    """
    for index, body in enumerate(bodies):
        item = _read_item(body, f"{path}[{index}]")
        if item is not None:
            yield item


def _read_item(body: ItemBody, path: str) -> Item | ItemReference | None:
    item_id = body.id or ""
    _require_whole_parts(body.content, f"{path}.content")
    _require_whole_parts(body.output, f"{path}.output")
    match body.type:
        case "item_reference":
            return _reference(item_id, path)
        case None if body.role is None and item_id:
            return _reference(item_id, path)
        case None | "message":
            return _read_message(body, item_id, path)
        case "function_call":
            return FunctionCallItem(
                id=item_id,
                call_id=_required(body.call_id, f"{path}.call_id"),
                name=_required(body.name, f"{path}.name"),
                arguments=_required(body.arguments, f"{path}.arguments"),
            )
        case "function_call_output":
            return CallOutputItem(
                id=item_id,
                call_id=_required(body.call_id, f"{path}.call_id"),
                output=_read_output(body.output, f"{path}.output"),
            )
        case "reasoning":
            return None
        case kind:
            raise UnsupportedContent(kind=kind[:MAX_NAME_CHARACTERS], param=f"{path}.type")


def _require_whole_parts(parts: str | list[PartBody] | None, path: str) -> None:
    """:raises MissingParameter: one lacks what its type says, whether it is read or not."""
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        require_needed(part, f"{path}[{index}].")


def _reference(item_id: str, path: str) -> ItemReference:
    return ItemReference(id=_required(item_id or None, f"{path}.id"), param=path)


def _required(value: str | None, path: str) -> str:
    if value is None:
        raise MissingParameter(param=path)
    return value


def _read_message(body: ItemBody, item_id: str, path: str) -> MessageItem:
    if body.role not in ROLES:
        names = ", ".join(ROLES)
        raise InvalidValue(
            param=f"{path}.role",
            detail=Phrase(f"it must be one of {names}.", f"必须是以下之一：{names}。"),
        )
    if body.content is None:
        raise MissingParameter(param=f"{path}.content")
    parts = [PartBody("text", body.content)] if isinstance(body.content, str) else body.content
    content = [_read_part(part, f"{path}.content[{index}]") for index, part in enumerate(parts)]
    if body.role == "assistant":
        content = [
            OutputText(part.text) if isinstance(part, InputText) else part for part in content
        ]
    return MessageItem(id=item_id, role=body.role, content=content)


def _read_part(part: PartBody, path: str) -> InputText | OutputText | Refusal:
    if part.type in TEXTS:
        return InputText(part.text or "")
    if part.type == "refusal":
        return Refusal(part.refusal or "")
    raise UnsupportedContent(kind=part.type[:MAX_NAME_CHARACTERS], param=path)


def _read_output(output: str | list[PartBody] | None, path: str) -> str | list[InputText]:
    if isinstance(output, str):
        return output
    if output is None:
        raise MissingParameter(param=path)
    texts = []
    for index, part in enumerate(output):
        if part.type not in TEXTS:
            raise UnsupportedContent(kind=part.type[:MAX_NAME_CHARACTERS], param=f"{path}[{index}]")
        texts.append(InputText(part.text or ""))
    return texts


def count_parts(bodies: Sequence[ItemBody]) -> int:
    """Items and their parts."""
    return len(bodies) + sum(
        len(content)
        for body in bodies
        for content in (body.content, body.output)
        if isinstance(content, list)
    )


# As the core has them.


def messages_of(items: Iterable[Item]) -> list[Message]:
    """The conversation. Calls join the assistant's message before them."""
    messages: list[Message] = []
    for item in items:
        match item:
            case MessageItem():
                messages.append(Message(role=ROLES[item.role], text=_text(item.content)))
            case CallOutputItem():
                text = item.output if isinstance(item.output, str) else _text(item.output)
                messages.append(Message(role="tool", text=text, tool_call_id=item.call_id))
            case FunctionCallItem():
                if not messages or messages[-1].role != "assistant":
                    messages.append(Message(role="assistant", text=""))
                call = ToolCall(id=item.call_id, name=item.name, arguments=item.arguments)
                last = messages[-1]
                messages[-1] = replace(last, tool_calls=(*last.tool_calls, call))
    return messages


def _text(parts: Sequence[InputText | OutputText | Refusal]) -> str:
    return "\n".join(part.refusal if isinstance(part, Refusal) else part.text for part in parts)


def output_of(choice: Choice, token: str, first_number: int) -> list[Item]:
    """The output of a response, with ids that count from ``first_number``."""
    items: list[Item] = []
    if choice.refusal is not None:
        items.append(MessageItem(role="assistant", content=[Refusal(choice.refusal)]))
    elif choice.text or not choice.tool_calls:
        items.append(MessageItem(role="assistant", content=[OutputText(choice.text)]))
    items += [
        FunctionCallItem(call_id=call.id, name=call.name, arguments=call.arguments)
        for call in choice.tool_calls
    ]
    for number, item in enumerate(items, first_number):
        item.id = item_id(type(item), token, number)
    if choice.reason == "length":
        items[-1].status = "incomplete"
    return items
