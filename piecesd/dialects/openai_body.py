"""The JSON body of a chat completions request, field by field.

The annotations of `Body` and `MessageBody` are the table of what piecesd does
with every field of the OpenAI API's "Create chat completion" reference: its
type, and whether it is honoured, accepted without effect, or refused.
docs/parameters.md is the same table for people, and a test holds the two
together. Fields that stand in neither are accepted and not read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, get_type_hints

import msgspec

from piecesd.errors import Phrase


class Treatment(Enum):
    """What becomes of a field that is never refused."""

    HONOURED = "honoured"
    NO_EFFECT = "accepted, no effect"


@dataclass(frozen=True, slots=True)
class Refused:
    """A field that would change the answer and can't be honoured, unless its
    value asks for nothing (null never does)."""

    asks_for_nothing: Callable[[Any], bool]
    why: Phrase


def _is_falsy(value: object) -> bool:
    """Empty, zero or false."""
    return not value


def _never(_value: object) -> bool:
    return False


def _only(*harmless: object) -> Callable[[Any], bool]:
    return lambda value: value in harmless


_HONOURED = Treatment.HONOURED
_NO_EFFECT = Treatment.NO_EFFECT

_NO_TOOLS = Phrase(
    "the services answer with text and call no tools.", "上游服务只返回文本，不调用工具。"
)
_NO_SUCH_SETTING = Phrase("the services have no such setting.", "上游服务没有此设置。")
_NO_LOGPROBS = Phrase("the services report no log probabilities.", "上游服务不提供对数概率。")
_TEXT_ONLY = Phrase("the services answer with plain text only.", "上游服务只返回纯文本。")
_NO_AUDIO = Phrase("only text can be sent to the services.", "只能向上游服务发送文本。")
_NO_SEARCH = Phrase("the services don't search the web.", "上游服务不搜索网页。")
_NOT_STORED = Phrase("answers are not stored.", "回答不会被存储。")
_NOT_MODERATED = Phrase("nothing is moderated here.", "此服务不进行内容审核。")


class PartBody(msgspec.Struct):
    """A part of a message's content; ``type`` says which field holds it."""

    type: str
    text: str | None = None
    refusal: str | None = None


class MessageBody(msgspec.Struct):
    role: Annotated[str, _HONOURED]
    content: Annotated[str | list[PartBody] | None, _HONOURED] = None
    name: Annotated[str | None, _HONOURED] = None
    refusal: Annotated[str | None, _HONOURED] = None
    tool_call_id: Annotated[str | None, _NO_EFFECT] = None
    tool_calls: Annotated[list[msgspec.Raw] | None, Refused(_is_falsy, _NO_TOOLS)] = None
    function_call: Annotated[dict[str, msgspec.Raw] | None, Refused(_never, _NO_TOOLS)] = None
    audio: Annotated[dict[str, msgspec.Raw] | None, Refused(_never, _NO_AUDIO)] = None


class StreamOptionsBody(msgspec.Struct):
    include_usage: Annotated[bool | None, _HONOURED] = None
    include_obfuscation: Annotated[bool | None, _NO_EFFECT] = None


class Body(msgspec.Struct):
    messages: Annotated[list[MessageBody], _HONOURED]
    model: Annotated[str | None, _HONOURED] = None
    temperature: Annotated[float | None, _HONOURED] = None
    top_p: Annotated[float | None, _HONOURED] = None
    max_completion_tokens: Annotated[int | None, _HONOURED] = None
    max_tokens: Annotated[int | None, _HONOURED] = None
    stop: Annotated[str | list[str] | None, _HONOURED] = None
    n: Annotated[int | None, _HONOURED] = None
    stream: Annotated[bool | None, _HONOURED] = None
    stream_options: Annotated[StreamOptionsBody | None, _HONOURED] = None

    metadata: Annotated[dict[str, msgspec.Raw] | None, _NO_EFFECT] = None
    parallel_tool_calls: Annotated[bool | None, _NO_EFFECT] = None
    prompt_cache_key: Annotated[str | None, _NO_EFFECT] = None
    prompt_cache_options: Annotated[dict[str, msgspec.Raw] | None, _NO_EFFECT] = None
    prompt_cache_retention: Annotated[str | None, _NO_EFFECT] = None
    safety_identifier: Annotated[str | None, _NO_EFFECT] = None
    seed: Annotated[int | None, _NO_EFFECT] = None
    service_tier: Annotated[str | None, _NO_EFFECT] = None
    user: Annotated[str | None, _NO_EFFECT] = None

    audio: Annotated[dict[str, msgspec.Raw] | None, Refused(_never, _TEXT_ONLY)] = None
    frequency_penalty: Annotated[float | None, Refused(_is_falsy, _NO_SUCH_SETTING)] = None
    function_call: Annotated[
        str | dict[str, msgspec.Raw] | None, Refused(_only("none", "auto"), _NO_TOOLS)
    ] = None
    functions: Annotated[list[msgspec.Raw] | None, Refused(_is_falsy, _NO_TOOLS)] = None
    logit_bias: Annotated[dict[str, msgspec.Raw] | None, Refused(_is_falsy, _NO_SUCH_SETTING)] = (
        None
    )
    logprobs: Annotated[bool | None, Refused(_is_falsy, _NO_LOGPROBS)] = None
    modalities: Annotated[list[str] | None, Refused(_only([], ["text"]), _TEXT_ONLY)] = None
    moderation: Annotated[dict[str, msgspec.Raw] | None, Refused(_never, _NOT_MODERATED)] = None
    prediction: Annotated[dict[str, msgspec.Raw] | None, Refused(_never, _NO_SUCH_SETTING)] = None
    presence_penalty: Annotated[float | None, Refused(_is_falsy, _NO_SUCH_SETTING)] = None
    reasoning_effort: Annotated[str | None, Refused(_only("none"), _NO_SUCH_SETTING)] = None
    response_format: Annotated[
        dict[str, msgspec.Raw] | None, Refused(_only({"type": msgspec.Raw(b'"text"')}), _TEXT_ONLY)
    ] = None
    store: Annotated[bool | None, Refused(_is_falsy, _NOT_STORED)] = None
    tool_choice: Annotated[
        str | dict[str, msgspec.Raw] | None, Refused(_only("none", "auto"), _NO_TOOLS)
    ] = None
    tools: Annotated[list[msgspec.Raw] | None, Refused(_is_falsy, _NO_TOOLS)] = None
    top_logprobs: Annotated[int | None, Refused(_is_falsy, _NO_LOGPROBS)] = None
    verbosity: Annotated[str | None, Refused(_only("medium"), _NO_SUCH_SETTING)] = None
    web_search_options: Annotated[dict[str, msgspec.Raw] | None, Refused(_never, _NO_SEARCH)] = None


def treatments(of: type[msgspec.Struct]) -> dict[str, Treatment | Refused]:
    """The table that the annotations of ``of`` are."""
    return {
        name: hint.__metadata__[0] for name, hint in get_type_hints(of, include_extras=True).items()
    }


def _refused(of: type[msgspec.Struct]) -> dict[str, Refused]:
    return {
        name: treatment
        for name, treatment in treatments(of).items()
        if isinstance(treatment, Refused)
    }


_REFUSED = {of: _refused(of) for of in (Body, MessageBody)}


def unsupported(body: Body | MessageBody) -> Iterator[tuple[str, Phrase]]:
    """The fields of ``body`` that ask for what can't be honoured, each with why."""
    for name, refused in _REFUSED[type(body)].items():
        value = getattr(body, name)
        if value is not None and not refused.asks_for_nothing(value):
            yield name, refused.why
