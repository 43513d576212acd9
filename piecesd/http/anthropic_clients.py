"""Which requests are those of Anthropic's clients, before their route is found.

Errors and lists of models have another shape for them.
"""

PATH_OF_ANTHROPIC = "/anthropic/"
"""For clients that can set a base URL but append the rest of the path."""

_PATHS = (b"/messages", b"/messages/count_tokens")


def is_anthropic(path: bytes, version: bytes | None) -> bool:
    """Whether a request is one of theirs.

    :param version: its ``anthropic-version`` header, which no others send.
    """
    return (
        version is not None or path.startswith(PATH_OF_ANTHROPIC.encode()) or path.endswith(_PATHS)
    )
