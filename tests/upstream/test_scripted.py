"""The fake keeps the contract of the real thing."""

from piecesd.errors import UpstreamUnavailable
from piecesd.upstream.scripted import ScriptedReply, ScriptedStream, ScriptedUpstream
from tests.upstream.contract import RemoteCall, UpstreamContract


class RemoteStream:
    def __init__(self, stream: ScriptedStream) -> None:
        self.stream = stream
        self.arrive = stream.arrive
        self.finish = stream.finish

    def fail(self) -> None:
        self.stream.fail(UpstreamUnavailable(detail="gone"))

    async def cancelled(self) -> None:
        assert self.stream.cancelled


class RemoteReply:
    def __init__(self, reply: ScriptedReply) -> None:
        self.reply = reply

    def arrive(self, *pieces: str) -> None:
        self.reply.deferred.callback("".join(pieces))

    def finish(self) -> None:
        """Nothing follows a reply."""

    def fail(self) -> None:
        self.reply.deferred.errback(UpstreamUnavailable(detail="gone"))

    async def cancelled(self) -> None:
        assert self.reply.cancelled


class ScriptedUpstreamTests(UpstreamContract):
    __test__ = True

    def setUp(self) -> None:
        self.scripted = ScriptedUpstream()
        self.upstream = self.scripted

    async def remote_stream(self) -> RemoteCall:
        return RemoteStream(self.scripted.streams[-1])

    async def remote_reply(self) -> RemoteCall:
        return RemoteReply(self.scripted.replies[-1])


del UpstreamContract  # trial would run the suite by itself
