"""One log event a request: what was asked, how it went, what it came to."""

from typing import TYPE_CHECKING, ClassVar, Literal

from twisted.logger import Logger, LogLevel

if TYPE_CHECKING:
    from piecesd.http.request import ApiRequest

Outcome = Literal["ok", "error", "cancelled", "broken"]
"""How a request ended: answered; refused or failed with an HTTP error; given
up by its client; or failed after the first byte of its answer was out."""

_FORMAT = "{client} {method} {path} -> {status} in {seconds:.3f}s {outcome} {request_id}"
_COMPLETION_FORMAT = (
    _FORMAT + " model={model} first_token={first_token_seconds} pieces={pieces}"
    " tokens={input_tokens}+{output_tokens} retries={retries}"
)

_ASKED_OFTEN = (b"/ping", b"/metrics")
"""By programs that watch the daemon; who else reads the log is spared these."""

CLIENT_CLOSED_REQUEST = 499
"""The status logged when the client left before one was sent (nginx's number)."""


class AccessLog:
    """Writes access lines, those of ``/ping`` and ``/metrics`` at debug level.

    A line has the path without its query, no header and no text: nothing that
    could hold a key or a message.
    """

    _log: ClassVar = Logger()

    def write(self, request: "ApiRequest", *, seconds: float) -> None:
        figures = request.figures
        usage = figures.usage if figures else None
        first_token_seconds = figures.first_piece_seconds if figures else None
        if first_token_seconds is not None:
            first_token_seconds = round(first_token_seconds, 6)
        self._log.emit(
            LogLevel.debug if request.path in _ASKED_OFTEN else LogLevel.info,
            _COMPLETION_FORMAT if figures else _FORMAT,
            request_id=request.request_id,
            method=request.shown_method,
            path=request.shown_path,
            model=figures.model_id if figures else None,
            client=request.client_address,
            status=request.final_status,
            seconds=seconds,
            first_token_seconds=first_token_seconds,
            pieces=figures.pieces if figures else 0,
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            retries=figures.retries if figures else 0,
            outcome=request.outcome,
        )
