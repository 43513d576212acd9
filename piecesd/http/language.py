"""Which of our two languages a client would rather read."""

from piecesd.errors import Language


def preferred_language(accept_language: bytes) -> Language:
    """Read an ``Accept-Language`` header (RFC 9110 §12.5.4).

    Chinese where a Chinese range weighs more than any English one, or as much
    and stands before it; other languages and ``*`` are passed over.
    """
    best: Language = "en"
    best_weight = 0.0
    for entry in accept_language.decode("latin-1").split(","):
        language_range, _, parameters = entry.strip().partition(";")
        primary_tag = language_range.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if weight > best_weight and primary_tag in ("zh", "en"):
            best, best_weight = ("zh" if primary_tag == "zh" else "en"), weight
    return best


def _weight(parameters: str) -> float:
    """The ``q`` of a range: 1 where none is given, 0 where it can't be read."""
    name, _, value = parameters.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if name.strip().lower() == "q" and 0 <= weight <= 1 else 0.0
