"""What the streams of the OpenAI API's completions have in common."""

import msgspec

from piecesd.chat import Usage
from piecesd.dialects.openai_errors import render_error
from piecesd.dialects.sse import CONTENT_TYPE, KEEP_ALIVE, frame
from piecesd.errors import ApiError, Language


class UsageBody(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


def usage_body(usage: Usage) -> UsageBody:
    return UsageBody(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
    )


class OpenAiStream:
    """All of a `StreamRenderer` but its opening and events; every method
    returns whole SSE events."""

    content_type = CONTENT_TYPE
    wants_input_tokens = False

    def keep_alive(self) -> bytes:
        """A comment."""
        return KEEP_ALIVE

    def done(self) -> bytes:
        """The end of a whole answer."""
        return frame(b"[DONE]")

    def error(self, error: ApiError, language: Language = "en") -> bytes:
        """The end of an answer that failed after its first byte was sent."""
        return frame(render_error(error, language))
