"""Answers as clients of the legacy API read them."""

import json

from openai.types import Completion
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Answer, ChatEvent, Choice, Delta, Finished, Usage
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.openai_completions.reply import ChunkRenderer, render_answer
from piecesd.dialects.sse import SseParser
from piecesd.errors import UpstreamBroken

HEAD = AnswerHead(token="1", created_unix=1700000000, model="gpt-4")
USAGE = Usage(input_tokens=9, output_tokens=3)


def read(stream: bytes) -> list[Completion]:
    """As the SDK reads them: its types know no null for a finish reason, which the
    API sends all the same."""
    return [Completion.construct(**json.loads(data)) for data in SseParser().feed(stream)]


class RenderAnswerTests(SynchronousTestCase):
    def test_an_answer_has_the_api_s_fields_in_its_order(self) -> None:
        answer = Answer(choices=(Choice(text=" time.", reason="stop"),), usage=USAGE)
        self.assertEqual(
            render_answer(answer, HEAD, ["Once"]),
            b'{"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"gpt-4",'
            b'"choices":[{"text":"Once time.","index":0,"logprobs":null,"finish_reason":"stop"}],'
            b'"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}',
        )


class ChunkRendererTests(SynchronousTestCase):
    def test_only_prompts_to_be_echoed_come_first(self) -> None:
        renderer = ChunkRenderer(HEAD, echoes=["", "Once"], include_usage=False)
        (chunk,) = read(renderer.opening())
        self.assertEqual((chunk.choices[0].index, chunk.choices[0].text), (1, "Once"))

    def test_pieces_and_the_end_of_a_choice_are_chunks(self) -> None:
        renderer = ChunkRenderer(HEAD, echoes=[""], include_usage=False)
        batch: list[ChatEvent] = [Delta(0, "a\u2028b"), Finished(0, "length"), USAGE]
        stream = renderer.events(batch)
        piece, end = read(stream)
        self.assertNotIn("\u2028".encode(), stream)
        self.assertNotIn(b"usage", stream)
        self.assertEqual(piece.choices[0].text, "a\u2028b")
        self.assertEqual((end.choices[0].text, end.choices[0].finish_reason), ("", "length"))

    def test_usage_that_was_asked_for_has_a_chunk_of_its_own(self) -> None:
        renderer = ChunkRenderer(HEAD, echoes=[""], include_usage=True)
        piece, usage = read(renderer.events([Delta(0, "a"), USAGE]))
        self.assertIsNone(piece.usage)
        assert usage.usage is not None
        self.assertEqual((usage.choices, usage.usage.total_tokens), ([], 12))

    def test_it_ends_as_every_stream_of_the_api_does(self) -> None:
        renderer = ChunkRenderer(HEAD, echoes=[""], include_usage=False)
        self.assertEqual(renderer.done(), b"data: [DONE]\n\n")
        self.assertIn(b'"code":"upstream_broken"', renderer.error(UpstreamBroken(detail="cut")))
