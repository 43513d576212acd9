"""Legacy completions requests of the OpenAI API: their JSON becomes a `ChatRequest`.

The services know conversations only, so a prompt is what a user says, and the
answer is its completion.
"""

from dataclasses import dataclass

import msgspec

from piecesd.chat import Answer, ChatRequest, Message
from piecesd.dialects.bounds import (
    MAX_CHOICES,
    listed,
)
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.fields import refuse_unsupported
from piecesd.dialects.json_body import decode_body
from piecesd.dialects.openai_completions.body import Body
from piecesd.dialects.openai_completions.reply import ChunkRenderer, render_answer
from piecesd.errors import InvalidValue, Phrase, UnsupportedContent

DEFAULT_MAX_TOKENS = 16
"""The reference's own."""

_DECODER = msgspec.json.Decoder(Body)


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletionCall:
    """A request and how its answer is to be sent. ``echoes`` is what stands
    before the text of each choice: its prompt, or nothing."""

    request: ChatRequest
    stream: bool
    include_usage: bool
    echoes: tuple[str, ...]

    def render_answer(self, answer: Answer, head: AnswerHead) -> bytes:
        return render_answer(answer, head, self.echoes)

    def stream_renderer(self, head: AnswerHead) -> ChunkRenderer:
        return ChunkRenderer(head, echoes=self.echoes, include_usage=self.include_usage)


def parse(body: bytes, *, ignore_unsupported: bool) -> CompletionCall:
    """Read the body of a completions request; see `Dialect.parse`."""
    wire = decode_body(_DECODER, body)
    if not ignore_unsupported:
        refuse_unsupported(wire)
    choices = 1 if wire.n is None else wire.n
    prompts = _prompts(wire)
    if len(prompts) * choices > MAX_CHOICES:
        raise InvalidValue(
            param="prompt",
            detail=Phrase(
                f"it and `n` ask for more than {MAX_CHOICES} completions.",
                f"它与 `n` 一共要求超过 {MAX_CHOICES} 个补全。",
            ),
        )
    conversations = [(Message(role="user", text=prompt),) for prompt in prompts]
    request = ChatRequest(
        model=wire.model or "",
        messages=conversations[0],
        further_conversations=tuple(conversations[1:]),
        temperature=wire.temperature,
        top_p=wire.top_p,
        max_output_tokens=DEFAULT_MAX_TOKENS if wire.max_tokens is None else wire.max_tokens,
        stop=listed(wire.stop),
        choices=choices,
    )
    options = wire.stream_options
    return CompletionCall(
        request=request,
        stream=bool(wire.stream),
        include_usage=options is not None and bool(options.include_usage),
        echoes=tuple(prompt if wire.echo else "" for prompt in prompts for _ in range(choices)),
    )


def _prompts(wire: Body) -> list[str]:
    """:raises InvalidValue: there is none.
    :raises UnsupportedContent: one is not a text but tokens.
    """
    if isinstance(wire.prompt, str):
        return [wire.prompt]
    prompts = [
        prompt if isinstance(prompt, str) else _refuse_tokens(index)
        for index, prompt in enumerate(wire.prompt or ())
    ]
    if not prompts:
        raise InvalidValue(
            param="prompt",
            detail=Phrase("there must be at least one prompt.", "至少需要一个提示。"),
        )
    return prompts


def _refuse_tokens(index: int) -> str:
    raise UnsupportedContent(kind="tokens", param=f"prompt[{index}]")
