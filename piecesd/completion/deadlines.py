"""When a stream has been silent, or has lasted, too long."""

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from piecesd.errors import Phrase, UpstreamTimeout

_WHOLE_STREAM = Phrase("the whole stream", "整个流")
_FIRST_PIECE = Phrase("before the first piece", "首段之前")
_BETWEEN_PIECES = Phrase("between pieces", "两段之间")


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamLimits:
    """Bounds of a streamed answer, in seconds: until its first piece (retries
    included), between two pieces, and in all (None: no bound)."""

    first_piece_seconds: float
    idle_seconds: float
    total_seconds: float | None


class StreamDeadlines:
    """Watches one stream with one timer, however many pieces it has.

    Pieces only write down the time; the timer looks at it when it goes off and
    sets itself anew. Silence counts while somebody waits for a piece, not while
    a slow client makes the stream wait.

    :param expire: called once, when a bound is passed.
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: StreamLimits,
        expire: Callable[[UpstreamTimeout], None],
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._expire = expire
        self._started = clock.seconds()
        self._waiting_since: float | None = self._started
        self._began = False
        self._timer = clock.callLater(limits.first_piece_seconds, self._look)

    @property
    def first_piece_at(self) -> float:
        """When the first piece must be there, in the clock's seconds."""
        return self._started + self._limits.first_piece_seconds

    def wait(self) -> None:
        """Somebody waits for a piece from now on."""
        self._waiting_since = self._clock.seconds()

    def arrive(self) -> float:
        """A piece is there; nobody waits.

        :returns: the seconds it was waited for.
        """
        assert self._waiting_since is not None
        waited_seconds = self._clock.seconds() - self._waiting_since
        self._waiting_since = None
        if not self._began:
            self._began = True
            self.stop()
            self._look()
        return waited_seconds

    def stop(self) -> None:
        """The stream is over."""
        if self._timer.active():
            self._timer.cancel()

    def _look(self) -> None:
        now = self._clock.seconds()
        limits = self._limits
        total = limits.total_seconds
        if total is not None and now - self._started >= total:
            self._expire(UpstreamTimeout(seconds=total, what=_WHOLE_STREAM))
            return
        if not self._began:
            silent, bound = now - self._started, limits.first_piece_seconds
        else:
            silent = 0.0 if self._waiting_since is None else now - self._waiting_since
            bound = limits.idle_seconds
        if silent >= bound:
            what = _BETWEEN_PIECES if self._began else _FIRST_PIECE
            self._expire(UpstreamTimeout(seconds=bound, what=what))
            return
        next_look = bound - silent
        if total is not None:
            next_look = min(next_look, self._started + total - now)
        self._timer = self._clock.callLater(next_look, self._look)
