"""What a conversation costs as a prompt, by the rules of each family."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf

from piecesd.chat import Message, Role
from piecesd.tokens.bounds import LONG_TEXT_CHARS, upper_bound
from piecesd.tokens.encoding import Encoding
from piecesd.tokens.vocabulary import EncodingName

# The OpenAI cookbook, "How to count tokens with tiktoken": what frames a
# message, what a name adds, and what primes the reply.
_GPT_TOKENS_PER_MESSAGE = 3
_GPT_TOKENS_PER_NAME = 1
_GPT_TOKENS_OF_PRIMING = 3

# Claude's text format has two speakers; what a tool says is said to the model.
_CLAUDE_SPEAKERS: Mapping[Role, str] = {
    "system": "System",
    "user": "Human",
    "assistant": "Assistant",
    "tool": "Human",
}


def count_prompt(encoding: Encoding, messages: Sequence[Message], most: float = inf) -> int:
    """The tokens that ``messages`` cost as the prompt of a model of that encoding.

    :param most: as for `Encoding.count`.
    """
    if encoding.name == "claude":
        return encoding.count("".join(_claude_layout(messages)), most)
    tokens = _gpt_frame_tokens(messages)
    for text in _gpt_texts(messages):
        if tokens > most:
            break
        tokens += encoding.count(text, most - tokens)
    return tokens


def prompt_upper_bound(name: EncodingName, messages: Sequence[Message]) -> int:
    """A number of tokens that `count_prompt` does not exceed; needs no vocabulary."""
    if name == "claude":
        return _sum_of_bounds(name, list(_claude_layout(messages)))
    return _gpt_frame_tokens(messages) + _sum_of_bounds(name, list(_gpt_texts(messages)))


def _sum_of_bounds(name: EncodingName, texts: Sequence[str]) -> int:
    roughly = sum(map(len, texts)) > LONG_TEXT_CHARS
    return sum(upper_bound(name, text, roughly=roughly) for text in texts)


def _gpt_texts(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        yield message.role
        yield message.text
        if message.name is not None:
            yield message.name


def _gpt_frame_tokens(messages: Sequence[Message]) -> int:
    names = sum(message.name is not None for message in messages)
    return (
        _GPT_TOKENS_PER_MESSAGE * len(messages)
        + _GPT_TOKENS_PER_NAME * names
        + _GPT_TOKENS_OF_PRIMING
    )


def _claude_layout(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        yield f"\n\n{_CLAUDE_SPEAKERS[message.role]}:"
        yield message.text
    if messages and messages[-1].role in ("user", "tool"):
        yield "\n\nAssistant:"
