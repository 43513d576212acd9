"""``twistd pieces``: the options, and which kind of daemon they make.

A process that only looks after others imports nothing here that it does not
need: no gRPC, no Klein.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.python import usage

from piecesd.catalog import Catalog, CatalogError
from piecesd.config import (
    Config,
    ConfigError,
    given_options,
    given_texts,
    load,
    option_flags,
    option_parameters,
)
from piecesd.version import read_build
from piecesd.workers.place import Place

if TYPE_CHECKING:
    from piecesd.daemon import Daemon
    from piecesd.workers.supervisor import Supervisor


class Options(usage.Options):
    """Every setting as an option; options win over the environment."""

    longdesc = "Serves the OpenAI HTTP API from gRPC inference services."
    optFlags = option_flags()
    optParameters = [  # noqa: RUF012 Twisted reads it as it is
        ["env-file", "e", None, "Read settings from this file. [default: .env, if there is one]"],
        *option_parameters(),
    ]

    config: Config
    catalog: Catalog
    settings: Mapping[str, str]

    def opt_version(self) -> None:
        """Print the version, build time and commit."""
        print(read_build())  # noqa: T201
        raise SystemExit(0)

    def postOptions(self) -> None:
        """Read the settings and the catalogue.

        :raises SystemExit: one can't be used; one line says which and why.
        """
        env_file = Path(self["env-file"]) if self["env-file"] else None
        sources = (os.environ, env_file, given_options(self))
        try:
            self.config = load(*sources)
            self.settings = given_texts(*sources)
            self.catalog = load_catalog(self.config)
        except ConfigError as error:
            raise SystemExit(f"piecesd: {error}") from None


def load_catalog(config: Config) -> Catalog:
    """The catalogue that the settings ask for.

    :raises ConfigError: it can't be used, or lacks the default model.
    """
    if config.models_file is None:
        catalog = Catalog.built_in()
    else:
        try:
            catalog = Catalog.load(config.models_file)
        except CatalogError as error:
            raise ConfigError(f"MODELS_FILE={str(config.models_file)!r}: {error}") from None
    if config.default_model and catalog.find(config.default_model) is None:
        raise ConfigError(
            f"DEFAULT_MODEL={config.default_model!r} can't be used; allowed is a model of the "
            "catalogue"
        )
    return catalog


def makeService(options: Options) -> "Daemon | Supervisor":
    """The daemon that ``options`` describe, or its supervisor; nothing of it has
    started yet."""
    from twisted.internet import reactor

    place = Place.of_process(os.environ)
    parent: Mapping[str, Any] = options.parent or {}
    if place is None and options.config.workers > 1:
        from piecesd.workers import tap as workers_tap

        return workers_tap.build(options.config, options.settings, reactor, parent=parent)
    from piecesd import tap

    return tap.build(options.config, options.catalog, reactor, parent=parent, place=place)
