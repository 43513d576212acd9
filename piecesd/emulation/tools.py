"""What a model is told of the tools it may call, and of earlier calls.

The model is to end its reply with a block for each call::

    <tool_call name="add">
    {"a": 1, "b": 2}
    </tool_call>

and a result is told to it as::

    <tool_result id="call_1" name="add">
    3
    </tool_result>

`piecesd.emulation.calls` reads the blocks.
"""

import json
from collections.abc import Iterable, Iterator

from piecesd.chat import ChatRequest, Message, Tool, ToolChoice
from piecesd.emulation.instructions import instruct

OPENING = "<tool_call"
CLOSING = "</tool_call>"
RESULT_OPENING = "<tool_result"
"""Results are for others to write: a model that goes on with one is stopped."""

_RESULT_CLOSING = "</tool_result>"

_INSTRUCTIONS = f"""\
You can call functions. These are the ones there are, one JSON object a line, each \
with its name, what it does and the JSON schema of its parameters:

{{functions}}

To call a function, end your reply with a block of exactly this form:

{OPENING} name="NAME">
{{{{"parameter": "value"}}}}
{CLOSING}

NAME is the name of the function. Between the two lines stands one JSON object that \
fits the schema of its parameters, and nothing else; it is {{{{}}}} where there are none. \
What you want to say stands before the block, in plain text; nothing follows it. Put \
no code fence around it. You will be told the result in a block that begins with \
{RESULT_OPENING}; never write one yourself. {{rule}}"""

_RULES = {
    "auto": "Call a function only where it helps; otherwise just reply.",
    "required": "In this reply you must call a function.",
}
_MANY = " To call several functions, write one block behind the other."
_ONE = " Call one function at most."


def told(request: ChatRequest) -> tuple[Message, ...]:
    """The messages of ``request`` as the model is told them: with the tools that may
    be called, and with calls and results in words."""
    encoded = tuple(_encode(request.messages))
    if not callable_tools(request):
        return encoded
    return instruct(encoded, _instructions(request))


def callable_tools(request: ChatRequest) -> tuple[Tool, ...]:
    """The tools that the answer may call."""
    choice = request.tool_choice
    if choice.mode == "none":
        return ()
    return tuple(tool for tool in request.tools if choice.name in (None, tool.name))


def speaks_of_tools(messages: Iterable[Message]) -> bool:
    """Whether there is a call or a result among ``messages``."""
    return any(message.tool_calls or message.role == "tool" for message in messages)


def _instructions(request: ChatRequest) -> str:
    functions = "\n".join(map(_definition, callable_tools(request)))
    rule = _rule(request.tool_choice) + (_MANY if request.parallel_tool_calls else _ONE)
    return _INSTRUCTIONS.format(functions=functions, rule=rule)


def _rule(choice: ToolChoice) -> str:
    if choice.name is not None:
        return f"In this reply you must call {choice.name}."
    return _RULES[choice.mode]


def _definition(tool: Tool) -> str:
    """One line. The schema stands in it as its author wrote it."""
    parameters = " ".join(tool.parameters.split("\n")) or "{}"
    name, description = (
        json.dumps(text, ensure_ascii=False) for text in (tool.name, tool.description)
    )
    return f'{{"name": {name}, "description": {description}, "parameters": {parameters}}}'


def _encode(messages: Iterable[Message]) -> Iterator[Message]:
    """The same conversation, with calls and results in words."""
    names: dict[str, str] = {}
    for message in messages:
        if message.tool_calls:
            names |= {call.id: call.name for call in message.tool_calls}
            blocks = [block(call.name, call.arguments) for call in message.tool_calls]
            yield Message(role=message.role, text="\n".join(filter(None, [message.text, *blocks])))
        elif message.role == "tool":
            yield Message(role="user", text=_encode_result(message, names))
        else:
            yield message


def block(name: str, arguments: str) -> str:
    """A call as the model would write it."""
    return f'{OPENING} name="{name}">\n{arguments}\n{CLOSING}'


def _encode_result(message: Message, names: dict[str, str]) -> str:
    call_id = message.tool_call_id or ""
    name = names.get(call_id) or message.name or ""
    attributes = "".join(
        f' {key}="{_attribute(value)}"' for key, value in (("id", call_id), ("name", name)) if value
    )
    text = message.text.replace(_RESULT_CLOSING, r"<\/tool_result>")
    return f"{RESULT_OPENING}{attributes}>\n{text}\n{_RESULT_CLOSING}"


def _attribute(value: str) -> str:
    return value.replace('"', "'").replace("\n", " ")
