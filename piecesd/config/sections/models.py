"""Which models there are."""

from dataclasses import dataclass
from pathlib import Path

from piecesd.config import kinds
from piecesd.config.setting import setting


@dataclass(frozen=True, kw_only=True)
class ModelsSection:
    __slots__ = ()

    default_model: str = setting(
        "DEFAULT_MODEL",
        "Models",
        kinds.text(),
        "",
        "Model that answers where a request names an unknown one. Empty: those are refused.",
    )
    enable_model_route: bool = setting(
        "ENABLE_MODEL_ROUTE",
        "Models",
        kinds.boolean(),
        "false",
        "Also serve `/{model}{API_PREFIX}chat/completions` and `/{model}{API_PREFIX}models`.",
    )
    preload_vocabularies: bool = setting(
        "PRELOAD_VOCABULARIES",
        "Models",
        kinds.boolean(),
        "false",
        "Load what counts tokens at the start, which takes half a second and up to 115 MB, and "
        "not when a model is first asked, which holds everybody up for 0.05 to 0.15 s.",
    )
    models_file: Path | None = setting(
        "MODELS_FILE",
        "Models",
        kinds.file_path(),
        "",
        "JSON file that replaces the built-in catalogue of models.",
    )
