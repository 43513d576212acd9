"""Request headers that weigh what a client would take (RFC 9110 §12.4.2)."""

from collections.abc import Iterator


def weighted(header: bytes) -> Iterator[tuple[str, float]]:
    """Each range of ``Accept`` or ``Accept-Language``, in lower case, with its
    weight; that is 0 where it has parameters beside the weight, for then it
    stands for none of what is served here."""
    for entry in header.decode("latin-1").lower().split(","):
        each, _, parameters = entry.partition(";")
        yield each.strip(), _weight(parameters)


def _weight(parameters: str) -> float:
    """The ``q`` of a range: 1 where none is given, 0 where it can't be read."""
    name, _, value = parameters.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if name.strip() == "q" and 0 <= weight <= 1 else 0.0
