"""The messages of a Messages request: their blocks become `Message` values.

A turn of a user may hold results of tools between its texts; each is a message
of its own here. The texts of neighbouring blocks are joined by a newline: the
services take one text, and blocks that were written apart should not run together.
"""

from collections.abc import Iterator, Sequence

from piecesd.chat import Message, Role, ToolCall
from piecesd.dialects.anthropic_messages.body import BlockBody, MessageBody, ResultPartBody
from piecesd.dialects.bounds import MAX_MESSAGES, MAX_NAME_CHARACTERS, require_length
from piecesd.dialects.json_body import object_text
from piecesd.errors import InvalidValue, MissingParameter, Phrase, UnsupportedContent

_BLOCKS: dict[str, frozenset[str]] = {
    "user": frozenset({"text", "tool_result"}),
    "assistant": frozenset({"text", "tool_use"}),
    "system": frozenset({"text"}),
}
"""The roles that messages may have, and what stands in them."""

_FAILED = "Error: "
"""Before the result of a tool that failed; the services know no other sign."""


def count_parts(system: str | list[BlockBody] | None, messages: Sequence[MessageBody]) -> int:
    """Messages and all their parts; those of too many messages are not counted."""
    count = len(messages)
    if count <= MAX_MESSAGES:
        count += _count_blocks(system)
        count += sum(_count_blocks(message.content) for message in messages)
    return count


def _count_blocks(content: str | list[BlockBody] | None) -> int:
    if not isinstance(content, list):
        return 0
    results = (len(block.content) for block in content if isinstance(block.content, list))
    return len(content) + sum(results)


def read_system(system: str | list[BlockBody] | None) -> Iterator[Message]:
    """The system prompt, if there is one.

    :raises InvalidRequest: there is something else than text in it.
    """
    if isinstance(system, list):
        (message,) = _read_blocks("system", system, "system")
        yield message
    elif system:
        yield Message(role="system", text=system)


def read_message(body: MessageBody, path: str) -> list[Message]:
    """What one message says.

    :raises InvalidRequest: there is something in it that can't be sent, or that
        doesn't belong there.
    """
    if body.role not in _BLOCKS:
        names = ", ".join(_BLOCKS)
        raise InvalidValue(
            param=f"{path}.role",
            detail=Phrase(f"it must be one of {names}.", f"必须是以下之一：{names}。"),
        )
    role: Role = body.role  # type: ignore[assignment]  # it is one of those
    if isinstance(body.content, str):
        return [Message(role=role, text=body.content)]
    return _read_blocks(role, body.content, f"{path}.content")


def _read_blocks(role: Role, blocks: Sequence[BlockBody], path: str) -> list[Message]:
    messages: list[Message] = []
    texts: list[str] = []
    calls: list[ToolCall] = []
    for index, block in enumerate(blocks):
        place = f"{path}[{index}]"
        _require_kind(role, block, place)
        if block.type == "text":
            texts.append(_text(block, place))
        elif block.type == "tool_use":
            calls.append(_call(block, place))
        else:
            if texts:
                messages.append(Message(role=role, text="\n".join(texts)))
                texts = []
            messages.append(_result(block, place))
    if texts or calls or not messages:
        messages.append(Message(role=role, text="\n".join(texts), tool_calls=tuple(calls)))
    return messages


def _require_kind(role: Role, block: BlockBody, path: str) -> None:
    if block.type in _BLOCKS[role]:
        return
    if any(block.type in kinds for kinds in _BLOCKS.values()):
        raise InvalidValue(
            param=f"{path}.type",
            detail=Phrase(
                f"{block.type} can't stand in what a message of role {role} says.",
                f"{block.type} 不能出现在角色为 {role} 的消息中。",
            ),
        )
    raise UnsupportedContent(kind=block.type[:MAX_NAME_CHARACTERS], param=path)


def _text(block: BlockBody | ResultPartBody, path: str) -> str:
    if block.text is None:
        raise MissingParameter(param=f"{path}.text")
    return block.text


def _call(block: BlockBody, path: str) -> ToolCall:
    return ToolCall(
        id=_name(block.id, f"{path}.id"),
        name=_name(block.name, f"{path}.name"),
        arguments=object_text(block.input, f"{path}.input") or "{}",
    )


def _name(name: str | None, path: str) -> str:
    if name is None:
        raise MissingParameter(param=path)
    require_length(path, name, 1, MAX_NAME_CHARACTERS)
    return name


def _result(block: BlockBody, path: str) -> Message:
    call_id = _name(block.tool_use_id, f"{path}.tool_use_id")
    text = block.content or ""
    if not isinstance(text, str):
        parts = enumerate(text)
        text = "\n".join(_result_part(part, f"{path}.content[{index}]") for index, part in parts)
    return Message(
        role="tool", text=_FAILED + text if block.is_error else text, tool_call_id=call_id
    )


def _result_part(part: ResultPartBody, path: str) -> str:
    if part.type != "text":
        raise UnsupportedContent(kind=part.type[:MAX_NAME_CHARACTERS], param=path)
    return _text(part, path)
