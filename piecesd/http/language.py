"""Which of our two languages a client would rather read."""

from piecesd.errors import Language
from piecesd.http.weights import weighted


def preferred_language(accept_language: bytes) -> Language:
    """Read an ``Accept-Language`` header (RFC 9110 §12.5.4).

    Chinese where a Chinese range weighs more than any English one, or as much
    and stands before it; other languages and ``*`` are passed over.
    """
    best: Language = "en"
    best_weight = 0.0
    for language_range, weight in weighted(accept_language):
        primary_tag = language_range.partition("-")[0]
        if weight > best_weight and primary_tag in ("zh", "en"):
            best, best_weight = ("zh" if primary_tag == "zh" else "en"), weight
    return best
