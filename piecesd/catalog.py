"""The models that are served: the built-in catalogue or the operator's own.

The data stands in ``catalog.json``; a ``MODELS_FILE`` has the same shape and
replaces it whole.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

FamilyName = Literal["gpt", "vertex"]
EncodingName = Literal["o200k_base", "cl100k_base", "claude"]


_DEFAULT_TAG = ":latest"


class CatalogError(ValueError):
    """A models file that can't be used; one sentence that says where and why."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in the file is checked whole: a typo there is an error here."""


class Limits(_Record, frozen=True):
    """Token limits of a model; all are positive."""

    total_tokens: int
    input_tokens: int
    output_tokens: int

    def __post_init__(self) -> None:
        if min(self.total_tokens, self.input_tokens, self.output_tokens) < 1:
            raise ValueError("token limits must be positive")


class Model(_Record, frozen=True):
    """One model: how clients name it, and which service answers for it.

    ``aliases`` are other names clients may use; ``created`` carries its zone.
    """

    id: str
    family: FamilyName
    encoding: EncodingName
    owner: str
    created: datetime
    limits: Limits
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.id or not all(self.aliases):
            raise ValueError("a model's names must not be empty")
        if self.created.tzinfo is None:
            raise ValueError("created must carry a time zone, such as Z")

    @property
    def created_unix(self) -> int:
        """When the model was made, in whole seconds of Unix time."""
        return int(self.created.timestamp())

    @property
    def samples(self) -> bool:
        """Whether its service takes a temperature and a top_p."""
        return self.family == "gpt"

    @property
    def counts_are_approximate(self) -> bool:
        """Whether its makers may count its tokens otherwise: only OpenAI has
        published the vocabularies of these models, and the rules."""
        return self.owner != "openai" or self.encoding == "claude"


class _File(_Record, frozen=True):
    models: tuple[Model, ...]


class Catalog:
    """The models by each of their names, in the order of the file.

    :raises CatalogError: two models share a name, or there is none.
    """

    def __init__(self, models: Iterable[Model]) -> None:
        self.models = tuple(models)
        if not self.models:
            raise CatalogError("there is no model in it")
        by_name: dict[str, Model] = {}
        for model in self.models:
            for name in (model.id, *model.aliases):
                if name in by_name:
                    raise CatalogError(f"two models are named {name!r}")
                by_name[name] = model
        self._by_name: Mapping[str, Model] = by_name

    def find(self, name: str) -> Model | None:
        """The model of that id or alias; None where there is none.

        A name may have the tag ``:latest`` that is not in the catalogue, or lack
        it, since Ollama's clients take the two for one.
        """
        return (
            self._by_name.get(name)
            or self._by_name.get(name.removesuffix(_DEFAULT_TAG))
            or self._by_name.get(name + _DEFAULT_TAG)
        )

    @classmethod
    def parse(cls, data: bytes) -> "Catalog":
        """Read the JSON of a models file.

        :raises CatalogError: it is not JSON or not of the shape of catalog.json.
        """
        try:
            return cls(msgspec.json.decode(data, type=_File).models)
        except msgspec.DecodeError as error:
            raise CatalogError(str(error)) from error

    @classmethod
    def load(cls, path: str | Path) -> "Catalog":
        """Read a models file.

        :raises CatalogError: it can't be read, or see `parse`.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise CatalogError(f"it can't be read: {error.strerror}") from error
        return cls.parse(data)

    @classmethod
    def built_in(cls) -> "Catalog":
        """The catalogue that ships with piecesd."""
        return cls.parse(resources.files("piecesd").joinpath("catalog.json").read_bytes())
