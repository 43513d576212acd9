"""What the requests of Ollama's chat and generate have in common."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from piecesd.chat import AnswerFormat, ChatRequest, Message, Tool
from piecesd.dialects.bounds import Share, StopSequence, Temperature, listed
from piecesd.dialects.fields import Refused, Treatment, is_falsy, only, refuse_unsupported
from piecesd.dialects.json_body import AnyArray
from piecesd.dialects.refusals import NO_SUCH_SETTING
from piecesd.errors import InvalidValue, Phrase, UnsupportedContent

MAX_STOPS = 32
"""Ollama has no bound; editors send up to twenty."""

_PASSED_ON = Treatment.PASSED_ON
_HONOURED = Treatment.HONOURED
_NO_EFFECT = Treatment.NO_EFFECT


_USUAL_TOP_K = 40
_USUAL = {"anyOf": [{"type": "null"}, {"const": _USUAL_TOP_K}, {"type": "number", "maximum": 0}]}

_Stops = StopSequence | Annotated[list[StopSequence], msgspec.Meta(max_length=MAX_STOPS)]

FormatText = Annotated[
    msgspec.Raw,
    msgspec.Meta(extra_json_schema={"anyOf": [{"type": "object"}, {"enum": ["json", "", None]}]}),
]
"""The text of what is ``"json"`` or a JSON schema."""

NoImages = Annotated[AnyArray | None, msgspec.Meta(extra_json_schema={"maxItems": 0})]


def _keeps_the_usual(top_k: float) -> bool:
    """Whether ``top_k`` is Ollama's default, or leaves out no token."""
    return top_k == _USUAL_TOP_K or top_k <= 0


class OptionsBody(msgspec.Struct):
    """Ollama takes any number where a whole one is wanted; so does this."""

    temperature: Annotated[Temperature | None, _PASSED_ON] = None
    top_p: Annotated[Share | None, _PASSED_ON] = None
    num_predict: Annotated[float | None, _HONOURED] = None
    stop: Annotated[_Stops | None, _HONOURED] = None

    seed: Annotated[float | None, _NO_EFFECT] = None
    num_ctx: Annotated[float | None, _NO_EFFECT] = None
    num_keep: Annotated[float | None, _NO_EFFECT] = None
    repeat_last_n: Annotated[float | None, _NO_EFFECT] = None
    penalize_newline: Annotated[bool | None, _NO_EFFECT] = None
    mirostat_tau: Annotated[float | None, _NO_EFFECT] = None
    mirostat_eta: Annotated[float | None, _NO_EFFECT] = None
    numa: Annotated[bool | None, _NO_EFFECT] = None
    num_batch: Annotated[float | None, _NO_EFFECT] = None
    num_gpu: Annotated[float | None, _NO_EFFECT] = None
    main_gpu: Annotated[float | None, _NO_EFFECT] = None
    num_thread: Annotated[float | None, _NO_EFFECT] = None
    low_vram: Annotated[bool | None, _NO_EFFECT] = None
    f16_kv: Annotated[bool | None, _NO_EFFECT] = None
    use_mmap: Annotated[bool | None, _NO_EFFECT] = None
    use_mlock: Annotated[bool | None, _NO_EFFECT] = None
    logits_all: Annotated[bool | None, _NO_EFFECT] = None
    vocab_only: Annotated[bool | None, _NO_EFFECT] = None
    embedding_only: Annotated[bool | None, _NO_EFFECT] = None

    top_k: Annotated[float | None, Refused(_keeps_the_usual, NO_SUCH_SETTING, fits=_USUAL)] = None
    min_p: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    typical_p: Annotated[float | None, Refused(only(1), NO_SUCH_SETTING)] = None
    tfs_z: Annotated[float | None, Refused(only(1), NO_SUCH_SETTING)] = None
    repeat_penalty: Annotated[float | None, Refused(only(1, 1.1), NO_SUCH_SETTING)] = None
    presence_penalty: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    frequency_penalty: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    mirostat: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None


def read_request(
    *,
    model: str | None,
    messages: Sequence[Message],
    options: OptionsBody | None,
    answer_format: AnswerFormat | None,
    ignore_unsupported: bool,
    tools: tuple[Tool, ...] = (),
) -> ChatRequest:
    """The request that the fields make.

    :raises InvalidRequest: one of them has a value that it may not have.
    """
    wire = OptionsBody() if options is None else options
    if not ignore_unsupported:
        refuse_unsupported(wire, "options.")
    return ChatRequest(
        model=model or "",
        messages=tuple(messages),
        temperature=wire.temperature,
        top_p=wire.top_p,
        max_output_tokens=_max_output_tokens(wire.num_predict),
        stop=listed(wire.stop),
        tools=tools,
        answer_format=answer_format,
    )


def asks_to_unload(keep_alive: str | float | None) -> bool:
    """Whether the model is to be kept for no time at all."""
    return keep_alive in (0, "0", "0s", "0m", "0h")


def refuse_images(images: AnyArray | None, path: str) -> None:
    """:raises UnsupportedContent: there are some."""
    if images:
        raise UnsupportedContent(kind="image", param=path)


def _max_output_tokens(num_predict: float | None) -> int | None:
    """Ollama takes 0 and what is below for no bound."""
    whole = 0 if num_predict is None else int(num_predict)
    return whole if whole > 0 else None


def read_format(raw: msgspec.Raw) -> AnswerFormat | None:
    """:raises InvalidValue: it is neither ``json`` nor a schema."""
    text = bytes(raw).strip()
    if text in (b"", b"null", b'""'):
        return None
    if text == b'"json"':
        return AnswerFormat()
    if not text.startswith(b"{"):
        raise InvalidValue(
            param="format",
            detail=Phrase('it must be "json" or a JSON schema.', '应为 "json" 或 JSON 模式。'),
        )
    return AnswerFormat(schema=text.decode(), param="format")
