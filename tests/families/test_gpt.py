"""The GPT family's messages."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd._pb import gpt_pb2 as pb
from piecesd.chat import ChatRequest, Message
from piecesd.errors import UpstreamBroken
from piecesd.families import Reply
from piecesd.families.gpt import GptFamily
from tests.families.test_transcript import ANY_TEXT, messages

GPT = GptFamily()


def encoded(
    *conversation: Message, temperature: float | None = None, top_p: float | None = None
) -> pb.GptRequest:
    request = ChatRequest(
        model="alias", messages=conversation, temperature=temperature, top_p=top_p
    )
    return pb.GptRequest.FromString(GPT.encode("gpt-4o", request))


class EncodeTests(SynchronousTestCase):
    def test_system_messages_are_joined_in_role_0_and_the_dialogue_in_role_1(self) -> None:
        message = encoded(
            Message(role="system", text="Be brief."),
            Message(role="user", text="hi"),
            Message(role="system", text="Be kind."),
            Message(role="assistant", text="hello"),
            Message(role="user", text="bye"),
        )
        self.assertEqual(
            [(part.role, part.text) for part in message.messages],
            [
                (0, "system:Be brief.;\r\nsystem:Be kind.;\r\n"),
                (1, "user:hi;\r\nassistant:hello;\r\nuser:bye;\r\n"),
            ],
        )

    def test_without_a_system_message_there_is_no_message_of_role_0(self) -> None:
        self.assertEqual([p.role for p in encoded(Message(role="user", text="hi")).messages], [1])

    def test_the_model_is_the_service_s_own_id_and_not_the_client_s_name(self) -> None:
        self.assertEqual(encoded().model, "gpt-4o")

    def test_sampling_parameters_are_passed_on(self) -> None:
        message = encoded(temperature=0.5, top_p=0.9)
        self.assertEqual((message.temperature, message.top_p), (0.5, 0.9))

    def test_sampling_parameters_that_are_not_given_are_not_sent(self) -> None:
        self.assertEqual(encoded().ListFields()[-1][0].name, "messages")

    def test_a_sampling_parameter_of_0_is_sent(self) -> None:
        message = encoded(temperature=0.0, top_p=0.0)
        self.assertTrue(message.HasField("temperature") and message.HasField("top_p"))

    @given(ANY_TEXT, messages(), st.none() | st.floats(), st.none() | st.floats())
    def test_every_conversation_can_be_encoded(
        self,
        model: str,
        conversation: tuple[Message, ...],
        temperature: float | None,
        top_p: float | None,
    ) -> None:
        request = ChatRequest(
            model=model, messages=conversation, temperature=temperature, top_p=top_p
        )
        pb.GptRequest.FromString(GPT.encode(model, request))


class DecodeTests(SynchronousTestCase):
    def test_a_piece_is_its_code_and_text(self) -> None:
        choice = pb.GptChoice(message=pb.GptMessage(role=1, text="héllo"))
        reply = pb.GptResponse(response_code=200, body=pb.GptBody(choice=choice))
        self.assertEqual(GPT.decode(reply.SerializeToString()), Reply(200, "héllo", True))

    def test_a_reply_that_is_only_a_code_has_no_body(self) -> None:
        reply = pb.GptResponse(response_code=439)
        self.assertEqual(GPT.decode(reply.SerializeToString()), Reply(439, "", False))

    def test_an_empty_piece_has_a_body(self) -> None:
        reply = pb.GptResponse(response_code=200, body=pb.GptBody())
        self.assertEqual(GPT.decode(reply.SerializeToString()), Reply(200, "", True))

    def test_text_that_is_not_utf_8_is_a_broken_answer(self) -> None:
        choice = pb.GptChoice(message=pb.GptMessage(text="??"))
        raw = pb.GptResponse(body=pb.GptBody(choice=choice)).SerializeToString()
        self.assertRaises(UpstreamBroken, GPT.decode, raw.replace(b"??", b"\xed\xa0"))

    @given(st.binary())
    def test_any_bytes_are_a_reply_or_a_broken_answer(self, raw: bytes) -> None:
        try:
            self.assertIsInstance(GPT.decode(raw), Reply)
        except UpstreamBroken as error:
            self.assertIn("not a GPT message", error.message())


class MethodTests(SynchronousTestCase):
    def test_the_methods_are_called_by_the_service_s_own_paths(self) -> None:
        service = "/runtime.aot.machine_learning.parents.gpt.GPTInferenceService"
        self.assertEqual(GPT.predict_method, f"{service}/Predict")
        self.assertEqual(GPT.stream_method, f"{service}/PredictWithStream")
