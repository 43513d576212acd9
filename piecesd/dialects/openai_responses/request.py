"""Requests for responses: their JSON becomes a `ChatRequest`.

Fields follow the "Create a model response" page of the OpenAI API reference, and
the Open Responses specification.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from piecesd.chat import Answer, ChatRequest, Message
from piecesd.dialects.bounds import (
    MAX_MESSAGES,
    require_at_most,
    require_few_messages,
    require_length,
)
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.fields import refuse_unsupported
from piecesd.dialects.json_body import decode_body
from piecesd.dialects.openai_responses.body import (
    MAX_METADATA,
    MAX_METADATA_KEY_CHARACTERS,
    MAX_METADATA_VALUE_CHARACTERS,
    Body,
    ItemBody,
)
from piecesd.dialects.openai_responses.items import (
    Item,
    ItemReference,
    count_parts,
    messages_of,
    read_items,
    with_ids,
)
from piecesd.dialects.openai_responses.reply import Clock, Echo, no_clock, render_answer
from piecesd.dialects.openai_responses.stream import ResponseRenderer
from piecesd.dialects.openai_responses.tools import (
    Choosing,
    read_format,
    read_tool_choice,
    read_tools,
    shown_text,
)

MAX_REFERENCES = 100
"""Each of an item of its own is looked for in the store."""

_DECODER = msgspec.json.Decoder(Body)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseCall:
    """A request, what its response says of it, and what it is to be given of
    the store by `prepared` before it can be answered.

    ``input`` is its own, ``context`` what stands before that: the input and the
    output of the previous response. ``store`` is None where it doesn't say.
    """

    request: ChatRequest
    stream: bool
    store: bool | None
    echo: Echo
    input: tuple[Item | ItemReference, ...]
    context: tuple[Item, ...] = ()
    now: Clock = field(default=no_clock, compare=False)

    @property
    def previous_response_id(self) -> str | None:
        return self.echo.previous_response_id

    @property
    def references(self) -> tuple[ItemReference, ...]:
        return tuple(item for item in self.input if isinstance(item, ItemReference))

    @property
    def own_items(self) -> tuple[Item, ...]:
        """The items of its own input, once there are no references."""
        return tuple(item for item in self.input if not isinstance(item, ItemReference))

    def prepared(
        self,
        *,
        stored: bool,
        now: Clock,
        context: Sequence[Item] = (),
        referenced: Mapping[str, Item] | None = None,
    ) -> "ResponseCall":
        """The call with all that it goes on from.

        :param stored: whether the response will be.
        :param now: the time in Unix seconds.
        :param referenced: the items that are referred to, by id.
        :raises InvalidValue: it has come to too many messages.
        """
        own = tuple(
            (referenced or {})[item.id] if isinstance(item, ItemReference) else item
            for item in self.input
        )
        messages = _messages(self.echo.instructions, (*context, *own))
        if len(messages) > MAX_MESSAGES:
            require_few_messages("previous_response_id", len(messages))
        return replace(
            self,
            request=replace(self.request, messages=messages),
            echo=msgspec.structs.replace(self.echo, store=stored),
            input=own,
            context=tuple(context),
            now=now,
        )

    def input_items(self, head: AnswerHead) -> list[Item]:
        """All that the model was given, each item with an id."""
        return [*self.context, *with_ids(self.own_items, head.token)]

    def render_answer(self, answer: Answer, head: AnswerHead) -> bytes:
        return render_answer(
            answer, head, self.echo, first_number=len(self.own_items), now=self.now
        )

    def stream_renderer(self, head: AnswerHead) -> ResponseRenderer:
        return ResponseRenderer(head, self.echo, first_number=len(self.own_items), now=self.now)


def parse(body: bytes, *, ignore_unsupported: bool) -> ResponseCall:
    """Read the body of a request for a response; see `Dialect.parse`."""
    wire = decode_body(_DECODER, body)
    _check(wire, ignore_unsupported=ignore_unsupported)
    items = tuple(_items(wire))
    tools = read_tools(wire.tools)
    choosing = read_tool_choice(wire.tool_choice, tools)
    request = ChatRequest(
        model=wire.model or "",
        messages=_messages(
            wire.instructions, [item for item in items if not isinstance(item, ItemReference)]
        ),
        temperature=wire.temperature,
        top_p=wire.top_p,
        max_output_tokens=wire.max_output_tokens,
        tools=choosing.tools,
        tool_choice=choosing.choice,
        parallel_tool_calls=wire.parallel_tool_calls is not False,
        answer_format=read_format(wire.text),
        messages_param="input",
    )
    return ResponseCall(
        request=request,
        stream=bool(wire.stream),
        store=wire.store,
        echo=_echo(wire, request, choosing),
        input=items,
    )


def _check(wire: Body, *, ignore_unsupported: bool) -> None:
    """:raises InvalidRequest: a value is out of bounds, or asks for what can't be
    honoured."""
    if not ignore_unsupported:
        refuse_unsupported(wire)
        if wire.text is not None:
            refuse_unsupported(wire.text, "text.")
        if wire.reasoning is not None:
            refuse_unsupported(wire.reasoning, "reasoning.")
    metadata = wire.metadata or {}
    require_at_most("metadata", len(metadata), MAX_METADATA)
    for key, value in metadata.items():
        require_length("metadata", key, 0, MAX_METADATA_KEY_CHARACTERS)
        require_length(f"metadata.{key}", value, 0, MAX_METADATA_VALUE_CHARACTERS)


def _items(wire: Body) -> list[Item | ItemReference]:
    """:raises InvalidRequest: there is nothing to answer, or too much, or one is
    no item; see `read_items`."""
    if isinstance(wire.input, str):
        bodies = [ItemBody(role="user", content=wire.input)]
    else:
        bodies = wire.input or []
    if bodies or wire.previous_response_id is None:
        require_few_messages("input", count_parts(bodies))
    items = list(read_items(bodies, "input"))
    references = {item.id for item in items if isinstance(item, ItemReference)}
    require_at_most("input", len(references), MAX_REFERENCES)
    if not items and wire.previous_response_id is None:
        require_few_messages("input", 0)
    return items


def _messages(instructions: str | None, items: Sequence[Item]) -> tuple[Message, ...]:
    first = [] if instructions is None else [Message(role="system", text=instructions)]
    return (*first, *messages_of(items))


def _echo(wire: Body, request: ChatRequest, choosing: Choosing) -> Echo:
    return Echo(
        instructions=wire.instructions,
        max_output_tokens=wire.max_output_tokens,
        max_tool_calls=wire.max_tool_calls,
        metadata=wire.metadata or {},
        parallel_tool_calls=request.parallel_tool_calls,
        previous_response_id=wire.previous_response_id,
        prompt_cache_key=wire.prompt_cache_key,
        safety_identifier=wire.safety_identifier,
        temperature=1.0 if wire.temperature is None else wire.temperature,
        text=shown_text(wire.text),
        tool_choice=choosing.shown,
        tools=choosing.shown_tools,
        top_p=1.0 if wire.top_p is None else wire.top_p,
        user=wire.user,
    )
