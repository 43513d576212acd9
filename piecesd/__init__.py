"""piecesd: the OpenAI HTTP API over gRPC inference services."""

__version__ = "0.1.0"
