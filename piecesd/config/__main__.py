"""``python -m piecesd.config``: write the documents made from the settings."""

from pathlib import Path

from piecesd.config.documents import DOCUMENTS

for path, write in DOCUMENTS.items():
    Path(path).write_text(write(), encoding="utf-8")
