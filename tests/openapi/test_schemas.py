"""Schemas let through what the parsers do, and have what the renderers write."""

import json
from collections.abc import Iterator
from typing import Annotated, cast

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import (
    Answer,
    Choice,
    Delta,
    Finished,
    ToolCall,
    ToolCallBegun,
    ToolCallDelta,
    Usage,
)
from piecesd.chat import (
    Refused as RefusedEvent,
)
from piecesd.dialects import token_count
from piecesd.dialects.dialect import AnswerHead, Call
from piecesd.dialects.fields import NeededFor, Refused, Treatment, is_falsy, never, one_of, only
from piecesd.dialects.json_body import ABSENT, AnyObject
from piecesd.dialects.ollama_answer import NDJSON
from piecesd.dialects.refusals import NO_SUCH_SETTING
from piecesd.dialects.sse import SseParser
from piecesd.errors import UpstreamBroken
from piecesd.openapi.schemas import Schemas, component_name
from tests.dialects.parameters import DOCUMENTED, read_rows
from tests.openapi.served import answer_schema, body_schema, document, fault

_BEYOND_SCHEMAS = (
    ("/v1/chat/completions", "tool_choice"),
    ("/v1/responses", "input"),
    ("/v1/responses", "tool_choice"),
    ("/v1/responses", "input[0].role"),
    ("/v1/responses", "input[0].content"),
    ("/v1/messages", "tool_choice"),
    ("/v1/messages", "tool_choice.name"),
    ("/v1/messages", "messages[0].content"),
)
"""Fields with examples that are refused though they fit: a tool that there is not
is chosen, a block stands in what another role says, there is nothing to answer,
or an item has no type that says what it needs."""

HEAD = AnswerHead(token="0" * 28, created_unix=1, model="gpt-4o")
REFUSAL = RefusedEvent(0, "No.")
USAGE = Usage(input_tokens=1, output_tokens=2)


class Part(msgspec.Struct):
    """A body's part, which may hold itself."""

    type: Annotated[str, one_of(("text", "parts"))]
    text: Annotated[str | None, NeededFor("type", ("text",))] = None
    parts: "Annotated[list[Part] | None, NeededFor('type', ('parts',))]" = None


class Body(msgspec.Struct):
    part: Annotated[Part, Treatment.HONOURED]
    count: Annotated[Annotated[int, msgspec.Meta(ge=1, le=9)] | None, Treatment.PASSED_ON] = None
    raw: Annotated[msgspec.Raw, Treatment.NO_EFFECT] = ABSENT
    odd: Annotated[float | str | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    mode: Annotated[str | None, Refused(only("none"), NO_SUCH_SETTING)] = None
    audio: Annotated[AnyObject | None, Refused(never, NO_SUCH_SETTING)] = None
    thought: Annotated[str | None, Refused(lambda value: value.isupper(), NO_SUCH_SETTING)] = None


class Reply(msgspec.Struct):
    id: str
    note: str | None = None
    more: str | msgspec.UnsetType = msgspec.UNSET


class SchemaTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.schemas = Schemas(ignore_unsupported=False)
        self.schemas.reference(Body, "in")
        self.body = self.schemas.components[component_name(Body)]

    def test_bounds_and_treatments_of_fields_are_told(self) -> None:
        self.assertEqual(
            self.body["properties"]["count"],
            {
                "anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}],
                "x-treatment": "passed on",
            },
        )
        self.assertEqual(self.body["required"], ["part"])
        self.assertNotIn("additionalProperties", self.body)

    def test_a_refused_field_may_ask_for_nothing_and_nothing_else(self) -> None:
        for name, values in (("odd", [None, 0, ""]), ("mode", [None, "none"]), ("audio", [None])):
            schema = self.body["properties"][name]
            self.assertEqual((schema["enum"], schema["x-treatment"]), (values, "refused"))
            self.assertEqual(schema["description"], NO_SUCH_SETTING.en)

    def test_where_what_asks_for_nothing_can_not_be_listed_there_is_the_type(self) -> None:
        self.assertEqual(
            self.body["properties"]["thought"]["anyOf"], [{"type": "string"}, {"type": "null"}]
        )

    def test_where_unsupported_fields_are_ignored_they_may_be_anything_of_their_type(self) -> None:
        ignoring = Schemas(ignore_unsupported=True)
        ignoring.reference(Body, "in")
        mode = ignoring.components[component_name(Body)]["properties"]["mode"]
        self.assertEqual(mode["anyOf"], [{"type": "string"}, {"type": "null"}])
        self.assertEqual(mode["x-treatment"], "ignored")

    def test_what_a_kind_needs_has_to_be_there(self) -> None:
        of = {"components": {"schemas": self.schemas.components}}
        schema = self.schemas.reference(Part, "in")
        fits: list[dict[str, object]] = [
            {"type": "text", "text": ""},
            {"type": "parts", "parts": [], "text": None},
        ]
        for good in fits:
            self.assertEqual(fault(schema, good, of), "")
        for bad in ({"type": "text"}, {"type": "text", "text": None}, {"type": "audio"}):
            self.assertNotEqual(fault(schema, bad, of), "", bad)
        nested = {"type": "parts", "parts": [{"type": "text"}]}
        self.assertNotEqual(fault(schema, nested, of), "")

    def test_a_reply_has_all_its_fields_but_those_that_may_be_left_out(self) -> None:
        self.schemas.reference(Reply, "out")
        reply = self.schemas.components[component_name(Reply)]
        self.assertEqual(reply["required"], ["id", "note"])


class RequestTests(SynchronousTestCase):
    """By the examples of docs/parameters.md, which the parsers are tried by, too."""

    def test_what_is_accepted_fits_and_what_is_refused_does_not(self) -> None:
        of = document()
        tried = 0
        fitting = set()
        for row in read_rows():
            schema = body_schema(of, row.of.path)
            for example in row.accepted:
                complaint = fault(schema, json.loads(row.with_example(example)), of)
                self.assertEqual(complaint, "", (row.path, example))
            for example in row.refused:
                tried += 1
                if not fault(schema, json.loads(row.with_example(example)), of):
                    fitting.add((row.of.path, row.path))
        self.assertEqual(fitting, set(_BEYOND_SCHEMAS))
        self.assertGreater(tried, 50)

    def test_all_fit_where_what_is_unsupported_is_ignored(self) -> None:
        of = document(ignore_unsupported=True)
        for row in read_rows():
            for example in row.refused if row.treatment == "refused" else ():
                body = json.loads(row.with_example(example))
                self.assertEqual(fault(body_schema(of, row.of.path), body, of), "", row.path)


class AnswerTests(SynchronousTestCase):
    """Of every dialect that is described: what it renders fits."""

    choices = (
        Choice(text="Hi", reason="stop"),
        Choice(
            text="", reason="tool_calls", tool_calls=(ToolCall(id="1", name="f", arguments="{}"),)
        ),
        Choice(text="", reason="stop", refusal="No."),
    )
    batch = (
        Delta(0, "Hi"),
        ToolCallBegun(0, 0, "1", "f"),
        ToolCallDelta(0, 0, "{}"),
        REFUSAL,
        Finished(0, "stop"),
        USAGE,
    )

    def setUp(self) -> None:
        self.document = document()

    def calls(self, **fields: object) -> Iterator[tuple[str, Call]]:
        """A request in each dialect, with its path."""
        for of in DOCUMENTED:
            if of.dialect is not token_count:  # which is none
                body = json.dumps({**of.required, **fields}).encode()
                yield of.path, cast(Call, of.dialect.parse(body, ignore_unsupported=False))

    def test_a_whole_answer_fits(self) -> None:
        for path, call in self.calls():
            for choice in self.choices:
                if choice.refusal is None or not path.startswith("/api"):  # that has none
                    answer = Answer(choices=(choice,), usage=USAGE)
                    body = json.loads(call.render_answer(answer, HEAD))
                    schema = answer_schema(self.document, path)
                    self.assertEqual(fault(schema, body, self.document), "", path)

    def test_each_event_of_a_stream_fits_with_and_without_usage(self) -> None:
        for options in (None, {"include_usage": True}):
            for path, call in self.calls(stream=True, stream_options=options):
                renderer = call.stream_renderer(HEAD)
                lines = renderer.content_type == NDJSON
                stream = (
                    renderer.opening(None)
                    + renderer.events([each for each in self.batch if not lines or each != REFUSAL])
                    + renderer.error(UpstreamBroken(detail="cut"))
                    + renderer.done()
                )
                media_type = renderer.content_type.partition(";")[0]
                schema = answer_schema(self.document, path, media_type=media_type)
                events = stream.decode().splitlines() if lines else SseParser().feed(stream)
                if not lines:
                    schema = schema["properties"]["data"]
                    if "anyOf" in schema:
                        schema, last = schema["anyOf"]
                        self.assertEqual(events.pop(), last["const"])
                    schema = schema["contentSchema"]
                self.assertGreater(len(events), 2)
                for event in events:
                    complaint = fault(schema, json.loads(event), self.document)
                    self.assertEqual(complaint, "", (path, event))
