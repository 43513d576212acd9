"""What schemathesis has to know of requests beside their schemas.

It loads this module. Each rule is one that piecesd has, docs/ tells of and JSON
Schema can't put: what breaks it is refused with good reason, though its schema
lets it through. So such requests are not made.
"""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

import schemathesis

from piecesd.dialects.anthropic_messages.body import BLOCKS
from piecesd.dialects.bounds import MAX_CHOICES

Case = schemathesis.Case[Any]
Body = Mapping[str, Any]
Rule = Callable[[Body], bool]

_MANY_MESSAGES = 1000


def conversations_fit_the_model(body: Body) -> bool:
    return len(body.get("messages") or ()) < _MANY_MESSAGES


def _tools(body: Body) -> list[str]:
    """The names of the tools, in whichever API."""
    return [(tool.get("function") or tool)["name"] for tool in body.get("tools") or ()]


def tools_have_names_of_their_own(body: Body) -> bool:
    return len(set(_tools(body))) == len(_tools(body))


def tools_that_are_chosen_exist(body: Body) -> bool:
    """In the OpenAI API."""
    choice, names = body.get("tool_choice"), _tools(body)
    if not isinstance(choice, dict):
        return choice != "required" or bool(names)
    if choice["type"] == "function":
        return choice["function"]["name"] in names
    allowed = choice["allowed_tools"]
    functions = [each.get("function") or {} for each in allowed["tools"]]
    chosen = {each.get("name") for each in functions} & {*names}
    return allowed["mode"] != "required" or bool(chosen)


def tools_that_must_be_used_exist(body: Body) -> bool:
    """In the Anthropic API."""
    choice, names = body.get("tool_choice") or {"type": "auto"}, _tools(body)
    if choice["type"] == "any":
        return bool(names)
    return choice["type"] != "tool" or choice["name"] in names


def blocks_are_of_their_role(body: Body) -> bool:
    """In the Anthropic API."""
    said = [("system", body.get("system"))]
    said += [(message["role"], message["content"]) for message in body["messages"]]
    return all(
        block["type"] in BLOCKS[role]
        for role, content in said
        for block in (content if isinstance(content, list) else ())
    )


def the_user_has_the_last_word(body: Body) -> bool:
    """In the Anthropic API, where an answer could be begun for the model."""
    return bool(body["messages"][-1]["role"] != "assistant")


def there_is_something_to_answer(body: Body) -> bool:
    """In requests for responses: a text, or an item that the model is told."""
    items = body.get("input")
    if isinstance(items, list):
        told = [item for item in items if item.get("type") != "reasoning"]
        return bool(told) and len(items) < _MANY_MESSAGES
    return items is not None


def the_previous_response_exists(body: Body) -> bool:
    return body.get("previous_response_id") is None


def items_have_types(body: Body) -> bool:
    """One without is a message or a reference, by what else it has."""
    items = body.get("input")
    return not isinstance(items, list) or all(item.get("type") is not None for item in items)


def functions_that_are_chosen_exist(body: Body) -> bool:
    """In requests for responses."""
    choice, names = body.get("tool_choice"), _tools(body)
    if not isinstance(choice, dict):
        return choice != "required" or bool(names)
    if choice["type"] == "function":
        return choice["name"] in names
    chosen = {each["name"] for each in choice.get("tools") or ()} & {*names}
    return choice["mode"] != "required" or bool(chosen)


def choices_of_all_prompts_are_few(body: Body) -> bool:
    prompts = body.get("prompt")
    count = len(prompts) if isinstance(prompts, list) else 1
    return count * (body.get("n") or 1) <= MAX_CHOICES


def no_format_is_asked_for(body: Body) -> bool:
    """In Ollama's API an answer without it is an error of the server, and the
    demonstration model knows none."""
    return body.get("format") in (None, "")


def addresses_can_be_banned(body: Body) -> bool:
    try:
        return not ip_network(body["address"]).is_loopback
    except ValueError:
        return False


def reasons_are_printable(body: Body) -> bool:
    return str(body.get("reason", "")).isprintable()


def pages_begin_and_end_somewhere(query: Body) -> bool:
    return not {"after", "after_id", "before_id"} & {*query}


_OF_CHAT: tuple[Rule, ...] = (
    conversations_fit_the_model,
    tools_have_names_of_their_own,
    tools_that_are_chosen_exist,
)
_OF_PROMPTS: tuple[Rule, ...] = (
    conversations_fit_the_model,
    tools_have_names_of_their_own,
    tools_that_must_be_used_exist,
    blocks_are_of_their_role,
)
RULES: Mapping[str, tuple[Rule, ...]] = {
    "/chat/completions": _OF_CHAT,
    "/token_count": _OF_CHAT,
    "v1/completions": (choices_of_all_prompts_are_few,),
    "/responses": (
        there_is_something_to_answer,
        the_previous_response_exists,
        items_have_types,
        tools_have_names_of_their_own,
        functions_that_are_chosen_exist,
    ),
    "/messages": (*_OF_PROMPTS, the_user_has_the_last_word),
    "/count_tokens": _OF_PROMPTS,
    "/api/chat": (
        conversations_fit_the_model,
        tools_have_names_of_their_own,
        no_format_is_asked_for,
    ),
    "/api/generate": (no_format_is_asked_for,),
    "/admin/bans": (addresses_can_be_banned, reasons_are_printable),
    "/admin/bans/{address}": (addresses_can_be_banned,),
    "/input_items": (pages_begin_and_end_somewhere,),
    "/anthropic/v1/models": (pages_begin_and_end_somewhere,),
}
"""By the ends of the paths that they are for."""


def _parts(case: Case) -> Iterator[Body]:
    """Those parts of a request that there are rules for."""
    if isinstance(case.body, Mapping):
        yield case.body
    yield from (part for part in (case.path_parameters, case.query) if part)


def _keeps(rule: Rule, part: Body) -> bool:
    """Whether ``rule`` is kept, or not even what it is about is there: then the
    schema has to refuse that."""
    try:
        return rule(part)
    except (AttributeError, KeyError, TypeError, IndexError):
        return True


@schemathesis.hook
def filter_case(_context: schemathesis.HookContext, case: Case) -> bool:
    rules = [each for end, of in RULES.items() if case.path.endswith(end) for each in of]
    return all(_keeps(rule, part) for rule in rules for part in _parts(case))


@schemathesis.hook
def map_case(_context: schemathesis.HookContext, case: Case) -> Case:
    """To JSON Schema 1.0 is an integer; to the parser it is none."""
    case.body = _with_plain_integers(case.body)
    return case


def _with_plain_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_plain_integers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_plain_integers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
