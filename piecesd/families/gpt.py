"""The GPT inference service."""

from piecesd._pb import gpt_pb2 as pb
from piecesd.chat import ChatRequest
from piecesd.errors import Phrase, UpstreamBroken
from piecesd.families.family import UNREADABLE, Reply, method_path
from piecesd.families.transcript import encodable, write_transcript

_SERVICE = pb.DESCRIPTOR.services_by_name["GPTInferenceService"]
_SYSTEM_ROLE = 0
_DIALOGUE_ROLE = 1


class GptFamily:
    """Speaks ``gpt.proto``; see `piecesd.families.Family`.

    A conversation is at most two messages: the system messages in one of role
    0, left out when there are none, and the rest in one of role 1.
    """

    name = "gpt"
    predict_method = method_path(_SERVICE, "Predict")
    stream_method = method_path(_SERVICE, "PredictWithStream")

    def encode(self, model: str, request: ChatRequest) -> bytes:
        system = write_transcript(m for m in request.messages if m.role == "system")
        dialogue = write_transcript(m for m in request.messages if m.role != "system")
        message = pb.GptRequest(
            model=encodable(model), temperature=request.temperature, top_p=request.top_p
        )
        if system:
            message.messages.add(role=_SYSTEM_ROLE, text=system)
        message.messages.add(role=_DIALOGUE_ROLE, text=dialogue)
        return message.SerializeToString()

    def decode(self, raw: bytes) -> Reply:
        try:
            reply = pb.GptResponse.FromString(raw)
        except UNREADABLE as error:
            detail = Phrase("a reply is not a GPT message", "收到的回复不是 GPT 消息")
            raise UpstreamBroken(detail=detail) from error
        return Reply(reply.response_code, reply.body.choice.message.text, reply.HasField("body"))
