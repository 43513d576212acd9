"""The embedded upstream: a real gRPC server that speaks both services.

It answers with a demonstration model or relays to an OpenAI-compatible server,
so that the daemon has something to talk to where no service is configured.
"""
