"""The messages of a Messages request: their blocks become `Message` values.

A turn of a user may hold results of tools between its texts; each is a message
of its own here. The texts of neighbouring blocks are joined by a newline: the
services take one text, and blocks that were written apart should not run together.
"""

from collections.abc import Iterator, Sequence

from piecesd.chat import Message, Role, ToolCall
from piecesd.dialects.anthropic_messages.body import BLOCKS, BlockBody, MessageBody, ResultPartBody
from piecesd.dialects.bounds import MAX_NAME_CHARACTERS
from piecesd.dialects.fields import require_needed
from piecesd.dialects.json_body import object_text
from piecesd.errors import InvalidValue, Phrase, UnsupportedContent

_FAILED = "Error: "
"""Before the result of a tool that failed; the services know no other sign."""


def count_parts(system: str | list[BlockBody] | None, messages: Sequence[MessageBody]) -> int:
    """Messages and all their parts."""
    parts = sum(_count_blocks(message.content) for message in messages)
    return len(messages) + _count_blocks(system) + parts


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
    if body.role not in BLOCKS:
        names = ", ".join(BLOCKS)
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
        require_needed(block, f"{place}.")
        arguments = object_text(block.input, f"{place}.input")
        result = _result_text(block, place)
        if block.type == "text":
            texts.append(block.text or "")
        elif block.type == "tool_use":
            call_id, name = block.id or "", block.name or ""
            calls.append(ToolCall(id=call_id, name=name, arguments=arguments or "{}"))
        else:
            if texts:
                messages.append(Message(role=role, text="\n".join(texts)))
                texts = []
            messages.append(Message(role="tool", text=result, tool_call_id=block.tool_use_id))
    if texts or calls or not messages:
        messages.append(Message(role=role, text="\n".join(texts), tool_calls=tuple(calls)))
    return messages


def _require_kind(role: Role, block: BlockBody, path: str) -> None:
    if block.type in BLOCKS[role]:
        return
    if any(block.type in kinds for kinds in BLOCKS.values()):
        raise InvalidValue(
            param=f"{path}.type",
            detail=Phrase(
                f"{block.type} can't stand in what a message of role {role} says.",
                f"{block.type} 不能出现在角色为 {role} 的消息中。",
            ),
        )
    raise UnsupportedContent(kind=block.type[:MAX_NAME_CHARACTERS], param=path)


def _result_text(block: BlockBody, path: str) -> str:
    """What a tool gave; looked at whatever the block is, for it may not have
    another type anywhere."""
    text = block.content or ""
    if not isinstance(text, str):
        parts = enumerate(text)
        text = "\n".join(_part_text(part, f"{path}.content[{index}]") for index, part in parts)
    return _FAILED + text if block.is_error else text


def _part_text(part: ResultPartBody, path: str) -> str:
    if part.type != "text":
        raise UnsupportedContent(kind=part.type[:MAX_NAME_CHARACTERS], param=path)
    require_needed(part, f"{path}.")
    return part.text or ""
