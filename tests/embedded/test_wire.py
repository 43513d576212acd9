"""The services' messages from their own side."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd._pb import gpt_pb2, vertex_pb2
from piecesd.chat import ChatRequest, Message
from piecesd.embedded.wire import GptWire, VertexWire, Wire, garbage
from piecesd.errors import UpstreamBroken
from piecesd.families import FAMILIES, Reply

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters=";"))
SYSTEM = st.builds(Message, role=st.just("system"), text=TEXTS)
TURNS = st.lists(TEXTS).map(
    lambda texts: tuple(
        Message(role="assistant" if index % 2 else "user", text=text)
        for index, text in enumerate(texts)
    )
)
CONVERSATIONS = st.tuples(st.lists(SYSTEM, max_size=1).map(tuple), TURNS).map(
    lambda parts: (*parts[0], *parts[1])
)


class ReadTests(SynchronousTestCase):
    """What a family encodes reads back; system messages come first, and
    neighbours of one role were merged for Vertex, so those are not generated."""

    @given(CONVERSATIONS, st.none() | st.floats(0, 2), st.none() | st.floats(0, 1))
    def test_a_gpt_request_reads_back(
        self, messages: tuple[Message, ...], temperature: float | None, top_p: float | None
    ) -> None:
        request = ChatRequest(
            model="gpt-4o", messages=messages, temperature=temperature, top_p=top_p
        )
        raw = FAMILIES["gpt"].encode("gpt-4o", request)
        self.assertEqual(GptWire().read(gpt_pb2.GptRequest.FromString(raw)), request)

    @given(CONVERSATIONS)
    def test_a_vertex_request_reads_back(self, messages: tuple[Message, ...]) -> None:
        request = ChatRequest(model="gemini-pro", messages=messages)
        raw = FAMILIES["vertex"].encode("gemini-pro", request)
        self.assertEqual(VertexWire().read(vertex_pb2.VertexRequest.FromString(raw)), request)


class ReplyTests(SynchronousTestCase):
    services: tuple[tuple[str, Wire], ...] = (("gpt", GptWire()), ("vertex", VertexWire()))

    def test_a_piece_decodes_to_its_code_and_text(self) -> None:
        for name, wire in self.services:
            raw = wire.reply(200, "héllo", 1).SerializeToString()
            self.assertEqual(FAMILIES[name].decode(raw), Reply(200, "héllo", True))

    def test_a_failing_code_has_no_body(self) -> None:
        for name, wire in self.services:
            raw = wire.reply(439, None, 1).SerializeToString()
            self.assertEqual(FAMILIES[name].decode(raw), Reply(439, "", False))

    def test_garbage_does_not_decode(self) -> None:
        for name, wire in self.services:
            self.assertRaises(UpstreamBroken, FAMILIES[name].decode, garbage(wire))
