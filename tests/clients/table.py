"""Which clients are tried, and how: the one table, which docs/clients.md shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

CHECKS: Mapping[str, str] = {
    "plain": "whole",
    "streamed": "streamed",
    "usage": "usage",
    "stop": "stop",
    "max_tokens": "limit",
    "tools": "tools",
    "structured": "JSON",
    "wrong_key": "wrong key",
    "unknown_model": "unknown model",
    "cancel": "cancel",
    "models": "models",
}
"""By the name that scripts have for it, what docs/clients.md calls it."""

Lacks = Mapping[str, str]
"""Checks that are not made of an API in a client, each with the reason."""

HAS_ALL: Lacks = {}
NO_LISTING: Lacks = {"models": "the client does not ask which models there are"}
LEGACY: Lacks = {
    "tools": "the legacy API has none",
    "structured": "the legacy API has no formats",
}
RESPONSES: Lacks = {"stop": "the Responses API has no stop sequences"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A client, with each API that it is tried with.

    :ivar name: its heading in docs/clients.md.
    :ivar packages: what of PyPI or npm it is.
    :ivar script: its file in the directory ``python`` or ``node``.
    """

    name: str
    packages: Sequence[str]
    language: Literal["python", "node"]
    script: str
    apis: Mapping[str, Lacks]

    def checks(self) -> Mapping[str, list[str]]:
        """The names of the checks to be made, by API."""
        return {
            api: [name for name in CHECKS if name not in lacks] for api, lacks in self.apis.items()
        }


CLIENTS = {
    client.name: client
    for client in (
        Client(
            name="openai for Python",
            packages=["openai"],
            language="python",
            script="openai_sdk",
            apis={
                "chat completions": HAS_ALL,
                "chat completions, asynchronous": HAS_ALL,
                "completions": LEGACY,
                "completions, asynchronous": LEGACY,
                "responses": RESPONSES,
                "responses, asynchronous": RESPONSES,
            },
        ),
        Client(
            name="openai for Node",
            packages=["openai"],
            language="node",
            script="openai",
            apis={"chat completions": HAS_ALL, "completions": LEGACY, "responses": RESPONSES},
        ),
        Client(
            name="anthropic for Python",
            packages=["anthropic"],
            language="python",
            script="anthropic_sdk",
            apis={"messages": HAS_ALL, "messages, asynchronous": HAS_ALL},
        ),
        Client(
            name="anthropic for Node",
            packages=["@anthropic-ai/sdk"],
            language="node",
            script="anthropic",
            apis={"messages": HAS_ALL},
        ),
        Client(
            name="langchain-openai",
            packages=["langchain-openai"],
            language="python",
            script="langchain_chat",
            apis={"chat completions": NO_LISTING},
        ),
        Client(
            name="AI SDK",
            packages=["ai", "@ai-sdk/openai-compatible"],
            language="node",
            script="ai_sdk",
            apis={"chat completions": NO_LISTING},
        ),
        Client(
            name="llm",
            packages=["llm"],
            language="python",
            script="llm_chat",
            apis={"chat completions": NO_LISTING},
        ),
        Client(
            name="litellm",
            packages=["litellm"],
            language="python",
            script="litellm_client",
            apis={"chat completions": NO_LISTING},
        ),
        Client(
            name="LlamaIndex",
            packages=["llama-index-llms-openai-like"],
            language="python",
            script="llama_index_chat",
            apis={"chat completions": NO_LISTING},
        ),
    )
}
