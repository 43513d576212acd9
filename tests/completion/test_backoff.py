"""How long a retry waits."""

from twisted.trial.unittest import SynchronousTestCase

from piecesd.completion.backoff import backoff_seconds


def longest(low: float, high: float) -> float:
    return high


class BackoffTests(SynchronousTestCase):
    def test_it_doubles_from_a_quarter_of_a_second_up_to_its_cap(self) -> None:
        waits = [backoff_seconds(retry, longest) for retry in range(8)]
        self.assertEqual(waits, [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0])

    def test_jitter_is_full(self) -> None:
        asked: list[tuple[float, float]] = []

        def uniform(low: float, high: float) -> float:
            asked.append((low, high))
            return low

        self.assertEqual(backoff_seconds(1, uniform), 0.0)
        self.assertEqual(asked, [(0.0, 0.5)])
