"""Where settings come from: defaults < .env file < environment < options."""

from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from piecesd.config.setting import ConfigError
from piecesd.config.settings import SETTINGS, Config

DEFAULT_ENV_FILE = Path(".env")


def load(environ: Mapping[str, str], env_file: Path | None, options: Mapping[str, str]) -> Config:
    """Read every setting from where it is set last.

    :param env_file: None for ``./.env``, which need not be there.
    :param options: as ``environ``, by the names of the environment.
    :raises ConfigError: a value is not allowed, or the file can't be read.
    """
    sources = _sources(environ, env_file, options)
    values: dict[str, object] = {}
    for setting in SETTINGS:
        for origin, texts in sources:
            if setting.name in texts:
                shown_origin = f"--{setting.option}" if texts is options else origin
                values[setting.attribute] = setting.read(texts[setting.name], shown_origin)
                break
    return Config(**values)  # type: ignore[arg-type]  # each value is of its kind


def given_texts(
    environ: Mapping[str, str], env_file: Path | None, options: Mapping[str, str]
) -> dict[str, str]:
    """What `load` reads of the same sources, as text by the names of the
    environment: in an environment of its own it makes the same `Config`.

    :raises ConfigError: the file can't be read.
    """
    merged: dict[str, str] = {}
    for _origin, texts in _sources(environ, env_file, options):
        merged = dict(texts) | merged
    return {each.name: merged[each.name] for each in SETTINGS if each.name in merged}


def _sources(
    environ: Mapping[str, str], env_file: Path | None, options: Mapping[str, str]
) -> list[tuple[str, Mapping[str, str]]]:
    """Origins and what they say, the one that wins first."""
    path = env_file or DEFAULT_ENV_FILE
    return [
        ("option", options),
        ("environment", environ),
        (str(path), read_env_file(path, required=env_file is not None)),
    ]


def read_env_file(path: Path, *, required: bool) -> dict[str, str]:
    """The names and texts of a .env file. A ``$`` in it means nothing: keys
    may hold one.

    :raises ConfigError: it can't be read, or is missing and ``required``.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        if not required:
            return {}
        raise ConfigError(f"--env-file={str(path)!r} can't be used; no such file") from None
    except OSError as error:
        raise ConfigError(f"{str(path)!r} can't be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{str(path)!r} can't be read: allowed is a text file in UTF-8") from None
    for binding in bindings:
        if binding.error:
            line = binding.original.line
            raise ConfigError(f"{str(path)!r}, line {line}: allowed is NAME=value or a # comment")
    return {
        binding.key: binding.value
        for binding in bindings
        if binding.key is not None and binding.value is not None
    }
