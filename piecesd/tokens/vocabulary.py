"""The vocabularies that ship with piecesd: which there are, and reading one.

Where they come from stands in ``vocab/README.md``.
"""

import hashlib
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

EncodingName = Literal["o200k_base", "cl100k_base", "claude"]


class DamagedVocabulary(Exception):
    """A vocabulary is missing from the installation, or is not what was shipped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """One vocabulary: its compressed file in ``vocab/`` and the SHA-256 of
    what is in it."""

    file_name: str
    sha256: str


VOCABULARIES: Mapping[EncodingName, Vocabulary] = {
    "o200k_base": Vocabulary(
        file_name="o200k_base.tiktoken.xz",
        sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "cl100k_base": Vocabulary(
        file_name="cl100k_base.tiktoken.xz",
        sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "claude": Vocabulary(
        file_name="claude.json.xz",
        sha256="c241737df24b4e7f7c9af4fdcee29a0ca903dcb288a8b753bc346a3092911767",
    ),
}


def read_vocabulary(name: EncodingName) -> bytes:
    """The vocabulary's data, as its makers published it.

    :raises DamagedVocabulary: the file can't be read, or its data is not the
        data that was shipped.
    """
    file_name = VOCABULARIES[name].file_name
    try:
        compressed = resources.files("piecesd.tokens").joinpath("vocab", file_name).read_bytes()
    except OSError as error:
        raise DamagedVocabulary(f"{file_name} can't be read: {error.strerror}") from error
    return unpack(name, compressed)


def unpack(name: EncodingName, compressed: bytes) -> bytes:
    """The data in a compressed vocabulary.

    :raises DamagedVocabulary: it is not the data that was shipped.
    """
    try:
        data = lzma.decompress(compressed)
    except lzma.LZMAError as error:
        file_name = VOCABULARIES[name].file_name
        raise DamagedVocabulary(f"{file_name} is not whole: {error}") from error
    return checked(name, data)


def checked(name: EncodingName, data: bytes) -> bytes:
    """``data``, if it is that vocabulary's.

    :raises DamagedVocabulary: it is not.
    """
    vocabulary = VOCABULARIES[name]
    if hashlib.sha256(data).hexdigest() != vocabulary.sha256:
        raise DamagedVocabulary(f"{vocabulary.file_name} has other data than was published")
    return data
