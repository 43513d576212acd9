"""``python -m piecesd.manual``: write the manual pages and completions."""

from pathlib import Path

from piecesd.manual.documents import DOCUMENTS

for name, write in DOCUMENTS.items():
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(write(), encoding="utf-8")
