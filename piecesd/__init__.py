"""piecesd: the OpenAI HTTP API over gRPC inference services."""

import os

__version__ = "0.1.0"

# gRPC's core writes to standard error by itself, past every log. What it has to
# say arrives as the status of a call, too. It reads this when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
