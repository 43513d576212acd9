"""Several processes that serve one port, and the one that looks after them.

The supervisor owns the listening socket and imports no gRPC. It starts each
worker as a new program, which inherits that socket and two pipes to talk by.
"""
