"""What a request costs in tokens, counted while its answer comes."""

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from piecesd.catalog import Model
from piecesd.chat import Message, Usage
from piecesd.completion.counting import TokenCounts, drop
from piecesd.completion.text_count import Settled, TextCount, ignore
from piecesd.errors import ContextLengthExceeded, Phrase
from piecesd.tokens import Encoding, count_prompt, is_loaded, is_quick, prompt_upper_bound

_LIMITS_COUNTED = 2
"""An input over so many times the model's limit is not counted to its end, which
can take a minute."""

MESSAGE_CHARS = 16
"""To count an empty message, which has a role, takes as long as so many characters."""


def _chars_to_count(message: Message) -> int:
    return MESSAGE_CHARS + len(message.name or "") + len(message.text)


class UsageCount:
    """Counts the input of one request, once, and every text of its answer.

    :param param: the field of the request that the input came from, for errors.
    """

    def __init__(
        self,
        counts: TokenCounts,
        model: Model,
        messages: Sequence[Message],
        param: str = "messages",
    ) -> None:
        self._counts = counts
        self._encoding = model.encoding
        self._limit = model.limits.input_tokens
        self._most = self._limit * _LIMITS_COUNTED
        self._messages = messages
        self._param = param
        self._input_chars = sum(map(_chars_to_count, messages))
        self._input_tokens: int | None = None
        self._counting_input: Deferred[None] | None = None
        self._texts: list[TextCount] = []

    async def check_input(self) -> None:
        """Refuse an input over the model's limit. The count is waited for only
        where the input could be too long.

        :raises ContextLengthExceeded: it is.
        """
        if prompt_upper_bound(self._encoding, self._messages) > self._limit:
            count = await self.input_tokens()
            if count > self._limit:
                raise self._too_long(count)
        elif self._counting_input is None and self._is_worth_beginning:
            self._counting_input = self._begin_input()

    async def input_tokens(self) -> int:
        """The count of the input, which is begun if it has not been.

        :raises ContextLengthExceeded: it is so far over the model's limit that it
            was not counted to its end.
        :raises DamagedVocabulary: nothing can be counted.
        """
        if self._counting_input is None:
            self._counting_input = self._begin_input()
        if self._input_tokens is None:
            await self._counting_input
        assert self._input_tokens is not None
        if self._input_tokens > self._most:
            raise self._too_long(Phrase(f"more than {self._most}", f"超过 {self._most}"))
        return self._input_tokens

    def _too_long(self, count: int | Phrase) -> ContextLengthExceeded:
        return ContextLengthExceeded(param=self._param, limit=self._limit, count=count)

    def begin_text(self, settled: Settled = ignore) -> TextCount:
        """The count of one more text of the answer, which is part of `usage`.

        :param settled: see `TextCount`.
        """
        text = TextCount(self._counts, self._encoding, settled)
        self._texts.append(text)
        return text

    @property
    def is_quick(self) -> bool:
        """Whether `usage` has its result at once."""
        counting = self._is_counting_input or any(text.is_counting for text in self._texts)
        return not counting and is_quick(self._encoding, self._uncounted_chars())

    async def usage(self) -> Usage:
        """The counts, now that no text grows any more.

        :raises DamagedVocabulary: nothing can be counted.
        """
        if self._is_counting_input:
            await self.input_tokens()
        for text in self._texts:
            await text.wait()
        chars = self._uncounted_chars()
        rests = [text.take_rest() for text in self._texts]

        def count(encoding: Encoding) -> Usage:
            input_tokens = self._input_tokens
            if input_tokens is None:
                input_tokens = count_prompt(encoding, self._messages)
            counted = sum(text.tokens for text in self._texts)
            return Usage(
                input_tokens=input_tokens,
                output_tokens=counted + sum(map(encoding.count, rests)),
            )

        return await self._counts.work(self._encoding, chars, count)

    def cancel(self) -> None:
        """Free what is counted without anybody waiting for it. Idempotent."""
        if self._counting_input is not None:
            drop(self._counting_input)
        for text in self._texts:
            text.cancel()

    @property
    def _is_counting_input(self) -> bool:
        return self._counting_input is not None and self._input_tokens is None

    @property
    def _is_worth_beginning(self) -> bool:
        """Whether the input's count would be waited for at the end, and would
        not have other threads wait for a vocabulary now."""
        return is_loaded(self._encoding) and not is_quick(self._encoding, self._input_chars)

    def _begin_input(self) -> Deferred[None]:
        def take(tokens: int) -> None:
            self._input_tokens = tokens

        return self._counts.work(
            self._encoding,
            self._input_chars,
            lambda encoding: count_prompt(encoding, self._messages, self._most),
        ).addCallback(take)

    def _uncounted_chars(self) -> int:
        input_chars = self._input_chars if self._input_tokens is None else 0
        return input_chars + sum(text.rest_chars for text in self._texts)
