"""The Vertex inference service: Claude, Gemini and PaLM."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from piecesd._pb import vertex_pb2 as pb
from piecesd.chat import ChatRequest, Message
from piecesd.errors import Phrase, UpstreamBroken
from piecesd.families.family import UNREADABLE, Reply, method_path
from piecesd.families.transcript import encodable, write_transcript

_SERVICE = pb.DESCRIPTOR.services_by_name["VertexInferenceService"]
_REQUEST_KIND = 1


class VertexFamily:
    """Speaks ``vertex.proto``; see `piecesd.families.Family`.

    The system messages are the rules, which stay empty when there are none.
    Neighbouring messages of one role are merged, since the service wants the
    roles to take turns. It takes no sampling parameters.
    """

    name = "vertex"
    predict_method = method_path(_SERVICE, "Predict")
    stream_method = method_path(_SERVICE, "PredictWithStream")

    def encode(self, model: str, request: ChatRequest) -> bytes:
        system = (m for m in request.messages if m.role == "system")
        dialogue = (m for m in request.messages if m.role != "system")
        message = pb.VertexRequest(
            model=encodable(model),
            arguments=pb.VertexArguments(
                content=pb.VertexContent(
                    kind=_REQUEST_KIND, text=write_transcript(_merged(dialogue))
                ),
                rules=write_transcript(_merged(system)),
            ),
        )
        return message.SerializeToString()

    def decode(self, raw: bytes) -> Reply:
        try:
            message = pb.VertexResponse.FromString(raw)
        except UNREADABLE as error:
            detail = Phrase("a reply is not a Vertex message", "收到的回复不是 Vertex 消息")
            raise UpstreamBroken(detail=detail) from error
        return Reply(
            message.response_code, message.reply.body.content.text, message.HasField("reply")
        )


def _merged(messages: Iterable[Message]) -> Iterator[Message]:
    """Neighbours of one role as one message, their texts joined by a newline."""
    for role, neighbours in groupby(messages, key=attrgetter("role")):
        yield Message(role=role, text="\n".join(message.text for message in neighbours))
