"""The Vertex family's messages."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd._pb import vertex_pb2 as pb
from piecesd.chat import ChatRequest, Message
from piecesd.errors import UpstreamBroken
from piecesd.families import Reply
from piecesd.families.vertex import VertexFamily
from tests.families.test_transcript import ANY_TEXT, messages

VERTEX = VertexFamily()


def encoded(*conversation: Message) -> pb.VertexRequest:
    request = ChatRequest(model="alias", messages=conversation)
    return pb.VertexRequest.FromString(VERTEX.encode("gemini-pro", request))


def reply_of(code: int, text: str) -> pb.VertexResponse:
    content = pb.VertexContent(kind=3, text=text)
    return pb.VertexResponse(
        response_code=code, reply=pb.VertexReply(body=pb.VertexReplyBody(content=content))
    )


class EncodeTests(SynchronousTestCase):
    def test_neighbours_of_one_role_are_merged_by_a_newline(self) -> None:
        message = encoded(
            Message(role="user", text="one"),
            Message(role="system", text="in between"),
            Message(role="user", text="two"),
            Message(role="assistant", text="three"),
            Message(role="user", text="four"),
        )
        self.assertEqual(
            message.arguments.content.text, "user:one\ntwo;\r\nassistant:three;\r\nuser:four;\r\n"
        )

    def test_the_content_is_of_the_kind_of_requests(self) -> None:
        self.assertEqual(encoded().arguments.content.kind, 1)

    def test_system_messages_are_joined_by_a_newline_in_the_rules(self) -> None:
        message = encoded(
            Message(role="system", text="Be brief."), Message(role="system", text="Be kind.")
        )
        self.assertEqual(message.arguments.rules, "system:Be brief.\nBe kind.;\r\n")

    def test_without_a_system_message_the_rules_are_empty(self) -> None:
        self.assertEqual(encoded(Message(role="user", text="hi")).arguments.rules, "")

    def test_the_model_is_the_service_s_own_id_and_not_the_client_s_name(self) -> None:
        self.assertEqual(encoded().model, "gemini-pro")

    @given(ANY_TEXT, messages())
    def test_every_conversation_can_be_encoded(
        self, model: str, conversation: tuple[Message, ...]
    ) -> None:
        request = ChatRequest(model=model, messages=conversation)
        pb.VertexRequest.FromString(VERTEX.encode(model, request))


class DecodeTests(SynchronousTestCase):
    def test_a_piece_is_its_code_and_text(self) -> None:
        raw = reply_of(204, "héllo").SerializeToString()
        self.assertEqual(VERTEX.decode(raw), Reply(204, "héllo", True))

    def test_a_reply_that_is_only_a_code_has_no_body(self) -> None:
        raw = pb.VertexResponse(response_code=429).SerializeToString()
        self.assertEqual(VERTEX.decode(raw), Reply(429, "", False))

    def test_an_empty_piece_has_a_body(self) -> None:
        self.assertEqual(VERTEX.decode(reply_of(200, "").SerializeToString()), Reply(200, "", True))

    def test_text_that_is_not_utf_8_is_a_broken_answer(self) -> None:
        raw = reply_of(200, "??").SerializeToString()
        self.assertRaises(UpstreamBroken, VERTEX.decode, raw.replace(b"??", b"\xed\xa0"))

    @given(st.binary())
    def test_any_bytes_are_a_reply_or_a_broken_answer(self, raw: bytes) -> None:
        try:
            self.assertIsInstance(VERTEX.decode(raw), Reply)
        except UpstreamBroken as error:
            self.assertIn("not a Vertex message", error.message())


class MethodTests(SynchronousTestCase):
    def test_the_methods_are_called_by_the_service_s_own_paths(self) -> None:
        service = "/runtime.aot.machine_learning.parents.vertex.VertexInferenceService"
        self.assertEqual(VERTEX.predict_method, f"{service}/Predict")
        self.assertEqual(VERTEX.stream_method, f"{service}/PredictWithStream")
