"""Answers as OpenAI clients read them, whole and streamed."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import (
    Answer,
    ChatEvent,
    Choice,
    Delta,
    Finished,
    Refused,
    ToolCall,
    ToolCallBegun,
    ToolCallDelta,
    Usage,
)
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.openai_chat.reply import (
    Chunk,
    ChunkChoice,
    ChunkDelta,
    ChunkRenderer,
    render_answer,
)
from piecesd.dialects.sse import SseParser, frame, line_safe
from piecesd.errors import UpstreamBroken

USAGE = Usage(input_tokens=9, output_tokens=3)
HEAD = b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4",'

texts = st.text(st.characters(exclude_categories=["Cs"]))


def head(model: str = "gpt-4") -> AnswerHead:
    return AnswerHead(token="1", created_unix=1700000000, model=model)


def renderer(
    *, model: str = "gpt-4", choices: int = 1, include_usage: bool = False
) -> ChunkRenderer:
    return ChunkRenderer(head(model), choices=choices, include_usage=include_usage)


def objects(stream: bytes) -> list[Any]:
    return [json.loads(data) for data in SseParser().feed(stream)]


class RenderAnswerTests(SynchronousTestCase):
    def render(self, *choices: Choice) -> bytes:
        return render_answer(Answer(choices=choices, usage=USAGE), head())

    def test_an_answer_has_the_api_s_fields_in_its_order(self) -> None:
        self.assertEqual(
            self.render(Choice(text="Hi.", reason="stop")),
            b'{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4",'
            b'"choices":[{"index":0,"message":{"role":"assistant","content":"Hi.","refusal":null},'
            b'"logprobs":null,"finish_reason":"stop"}],'
            b'"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}',
        )

    def test_tool_calls_stand_in_the_message_beside_its_text(self) -> None:
        call = ToolCall(id="call_1", name="add", arguments='{"a":1}')
        for text, content in (("", None), ("Let me see.", "Let me see.")):
            body = self.render(Choice(text=text, reason="tool_calls", tool_calls=(call,)))
            (choice,) = ChatCompletion.model_validate_json(body, strict=True).choices
            self.assertEqual(
                (choice.message.content, choice.finish_reason), (content, "tool_calls")
            )
            assert choice.message.tool_calls is not None
            (shown,) = choice.message.tool_calls
            assert shown.type == "function"
            self.assertEqual(
                (shown.id, shown.function.name, shown.function.arguments),
                ("call_1", "add", '{"a":1}'),
            )

    def test_a_refusal_stands_in_place_of_the_text(self) -> None:
        body = self.render(Choice(text="", reason="stop", refusal="No JSON."))
        message = ChatCompletion.model_validate_json(body).choices[0].message
        self.assertEqual((message.content, message.refusal), (None, "No JSON."))

    def test_choices_are_numbered_in_order(self) -> None:
        body = self.render(Choice(text="a", reason="stop"), Choice(text="b", reason="length"))
        completion = ChatCompletion.model_validate_json(body, strict=True)
        self.assertEqual(
            [(c.index, c.message.content, c.finish_reason) for c in completion.choices],
            [(0, "a", "stop"), (1, "b", "length")],
        )


class ChunkRendererTests(SynchronousTestCase):
    def test_the_opening_gives_each_choice_its_role(self) -> None:
        self.assertEqual(
            renderer(choices=2).opening(),
            b"".join(
                b"data: " + HEAD + b'"choices":[{"index":%d,"delta":{"role":"assistant",'
                b'"content":"","refusal":null},"logprobs":null,"finish_reason":null}]}\n\n' % index
                for index in range(2)
            ),
        )

    def test_text_makes_a_content_chunk(self) -> None:
        self.assertEqual(
            renderer().events([Delta(0, 'a "b"\n')]),
            b"data: " + HEAD + rb'"choices":[{"index":0,"delta":{"content":"a \"b\"\n"},'
            b'"logprobs":null,"finish_reason":null}]}\n\n',
        )

    def test_the_end_of_a_choice_makes_a_chunk_with_an_empty_delta(self) -> None:
        self.assertEqual(
            renderer().events([Finished(0, "length")]),
            b"data: " + HEAD + b'"choices":[{"index":0,"delta":{},'
            b'"logprobs":null,"finish_reason":"length"}]}\n\n',
        )

    def test_a_tool_call_begins_with_its_name_and_goes_on_with_its_arguments(self) -> None:
        events = renderer().events(
            [
                ToolCallBegun(0, 1, "call_1", "add"),
                ToolCallDelta(0, 1, '{"a":'),
                Finished(0, "tool_calls"),
            ]
        )
        begun, arguments, finished = (
            ChatCompletionChunk.model_validate(chunk, strict=True).choices[0]
            for chunk in objects(events)
        )
        assert begun.delta.tool_calls is not None and arguments.delta.tool_calls is not None
        call = begun.delta.tool_calls[0]
        assert call.function is not None
        self.assertEqual((call.index, call.id, call.type), (1, "call_1", "function"))
        self.assertEqual((call.function.name, call.function.arguments), ("add", ""))
        call = arguments.delta.tool_calls[0]
        assert call.function is not None
        self.assertEqual((call.index, call.id, call.function.arguments), (1, None, '{"a":'))
        self.assertEqual(finished.finish_reason, "tool_calls")

    def test_a_refusal_is_a_delta_of_its_own(self) -> None:
        (chunk,) = objects(renderer().events([Refused(0, "No JSON.")]))
        self.assertEqual(chunk["choices"][0]["delta"], {"refusal": "No JSON."})

    def test_a_sign_of_life_is_a_comment(self) -> None:
        self.assertEqual(objects(renderer().keep_alive()), [])

    def test_usage_that_was_asked_for_has_a_chunk_of_its_own(self) -> None:
        self.assertEqual(
            renderer(include_usage=True).events([USAGE]),
            b"data: " + HEAD + b'"choices":[],'
            b'"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}\n\n',
        )

    def test_usage_is_null_in_the_chunks_before_it(self) -> None:
        stream = renderer(include_usage=True)
        chunks = objects(stream.opening() + stream.events([Delta(0, "a"), Finished(0, "stop")]))
        self.assertEqual([chunk["usage"] for chunk in chunks], [None] * 3)

    def test_usage_that_was_not_asked_for_is_not_there(self) -> None:
        stream = renderer()
        chunks = objects(stream.opening() + stream.events([Finished(0, "stop"), USAGE]))
        self.assertEqual(len(chunks), 2)
        self.assertFalse([chunk for chunk in chunks if "usage" in chunk])

    def test_a_batch_comes_out_in_order(self) -> None:
        batch: list[ChatEvent] = [
            Delta(1, "b"),
            Delta(0, "a"),
            Finished(1, "stop"),
            Delta(0, ""),
            Finished(0, "stop"),
        ]
        choices = [chunk["choices"][0] for chunk in objects(renderer(choices=2).events(batch))]
        self.assertEqual(
            [(choice["index"], choice["delta"].get("content")) for choice in choices],
            [(1, "b"), (0, "a"), (1, None), (0, ""), (0, None)],
        )

    def test_an_empty_batch_is_nothing(self) -> None:
        self.assertEqual(renderer().events([]), b"")

    def test_a_whole_stream_ends_in_done(self) -> None:
        self.assertEqual(renderer().done(), b"data: [DONE]\n\n")

    def test_a_failure_is_an_event_with_an_error(self) -> None:
        event = renderer().error(UpstreamBroken(detail="连接断开"), "zh")
        (error,) = objects(event)
        self.assertEqual(error["error"]["code"], "upstream_broken")
        self.assertIn("连接断开", error["error"]["message"])

    def test_the_sdk_reads_every_chunk(self) -> None:
        stream = renderer(include_usage=True)
        events = stream.opening() + stream.events([Delta(0, "a"), Finished(0, "stop"), USAGE])
        for data in SseParser().feed(events):
            ChatCompletionChunk.model_validate_json(data, strict=True)

    @given(texts, texts, st.integers(0, 2), st.booleans())
    def test_a_content_chunk_is_what_encoding_it_whole_would_give(
        self, text: str, model: str, index: int, include_usage: bool
    ) -> None:
        chunk = Chunk(
            id="chatcmpl-1",
            object="chat.completion.chunk",
            created=1700000000,
            model=model,
            choices=[ChunkChoice(index, ChunkDelta(content=text))],
            usage=None if include_usage else msgspec.UNSET,
        )
        rendered = renderer(model=model, choices=3, include_usage=include_usage)
        self.assertEqual(
            line_safe(rendered.events([Delta(index, text)])),
            line_safe(frame(msgspec.json.encode(chunk))),
        )

    @given(st.text(st.sampled_from("a中\x85\u2028\u2029\n")))
    def test_an_event_is_one_line_to_any_client_and_says_the_same(self, text: str) -> None:
        event = renderer().events([Delta(0, text)])
        self.assertEqual(len(event.decode().splitlines()), 2)
        (chunk,) = objects(event)
        self.assertEqual(chunk["choices"][0]["delta"]["content"], text)
