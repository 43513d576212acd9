"""What the tokens tests measure against: each library used in its plain way,
on a whole text at once, and texts to use it on."""

from binascii import a2b_base64
from collections.abc import Callable
from functools import cache
from unittest import mock

import tiktoken
import tiktoken_ext.openai_public as published  # type: ignore[import-untyped]
from hypothesis import strategies as st
from tokenizers import Tokenizer

from piecesd.tokens import EncodingName
from piecesd.tokens.vocabulary import read_vocabulary

ENCODING_NAMES: tuple[EncodingName, ...] = ("o200k_base", "cl100k_base", "claude")

"""For tests whose first example loads a vocabulary."""

TRICKY = (
    "'’ \t\n\r\u00a0\u3000sSdé1٣aAzßж/.,:<_-+~`。，！…“"
    "好かがカーﾞ가ᄀ\u0301\u0323\u3099\u200d①⑴㎏ﷺ\ufe70ष़Ⅷ😀\0"
)
"""Characters at which rules of word patterns or of normalisation differ."""

PATHOLOGICAL = ("a", " ", "\n", "\t", "'", "-", "7", "好", "ก", "😀", "\u0301", "ﷺ", "ab'", "\r\n")
"""Runs of these are slow to count, or have no place where they can be cut."""

any_text = st.text(st.sampled_from(TRICKY) | st.characters(exclude_categories=["Cs"]), max_size=60)
"""Any characters, without the long runs that are cut by force."""

_fragments = st.sampled_from(
    [
        "The quick brown fox, isn't it? I'LL say 'so'!",
        "Das Öl fließt über 3,5 km — naïve café…",
        "数を数える。モデルは「トークン」を返します！",
        "今天的天气很好，我们去公园散步吧：2024年5月14日。",
        "Съешь ещё этих мягких французских булок",
        "مرحبا بالعالم، كيف الحال؟",
        "안녕하세요, 세계! 반갑습니다",
        "हिन्दी में एक वाक्य।",
        "for (int i = 0; i < n; ++i) {\n\tsum += a[i] / 2;\n}\n",
        "def f(x_1: str) -> None:\n        return x_1.strip('\\n')\r\n",
        '{"id":"chatcmpl-9f86d081884c7d65","n":[1,22,333,4444],"ok":true}',
        "https://example.org/a/b?c=d&e=%20#f",
        "| a | b |\n|---|:-:|\n| 1 | 2 |\n",
        "👩‍👩‍👧‍👦🇩🇪 emoji 👍🏽!!!",
        "<|endoftext|><EOT>",
        " " * 23,
        "\n\n\n",
        "\n    \n  ",
        "\t\t\t",
        "=" * 40,
        "e\u0301\u0323 ﬁn ①②③ ㎏ ｆｕｌｌ",
    ]
)

usual_text = st.lists(_fragments | any_text.filter(bool), max_size=60).map("".join)
"""Prose of several scripts, code and white space; up to some kilobytes."""

_runs = st.builds(str.__mul__, st.sampled_from(PATHOLOGICAL), st.integers(200, 600))

growing_text = st.lists(_fragments | _runs | any_text, max_size=12).map("".join)
"""Usual text, with runs that are cut by force."""


def divided(text: str, sizes: list[int]) -> list[str]:
    """``text`` in pieces of these sizes in turn."""
    pieces = []
    while text:
        sizes = sizes[1:] + sizes[:1]
        pieces.append(text[: sizes[0]])
        text = text[sizes[0] :]
    return pieces


@cache
def whole_text_counter(name: EncodingName) -> Callable[[str], int]:
    """Counts a text by one call of the library, special tokens as text."""
    if name == "claude":
        tokenizer = Tokenizer.from_str(read_vocabulary(name).decode())
        tokenizer.encode_special_tokens = True
        return lambda text: len(tokenizer.encode(text, add_special_tokens=False))
    encoding = _published_encoding(name)
    return lambda text: len(encoding.encode_ordinary(text))


def _published_encoding(name: EncodingName) -> tiktoken.Encoding:
    """What the installed tiktoken would build, but for the download."""
    ranks = {
        a2b_base64(token): int(rank)
        for token, rank in map(bytes.split, read_vocabulary(name).splitlines())
    }
    with mock.patch.object(published, "load_tiktoken_bpe", lambda *_, **__: ranks):
        return tiktoken.Encoding(**published.ENCODING_CONSTRUCTORS[name]())
