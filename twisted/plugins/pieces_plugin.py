"""What `twistd` finds: the daemon, and its embedded upstream by itself."""

from twisted.application.service import ServiceMaker

pieces = ServiceMaker(
    "pieces", "piecesd.plugin", "The OpenAI HTTP API over gRPC inference services", "pieces"
)
pieces_upstream = ServiceMaker(
    "pieces-upstream",
    "piecesd.embedded.tap",
    "The embedded upstream of piecesd as a daemon of its own",
    "pieces-upstream",
)
