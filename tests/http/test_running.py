from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import ApiError, Overloaded, ShuttingDown
from piecesd.http.running import RunningRequests


class RunningRequestsTests(SynchronousTestCase):
    def test_one_over_the_limit_is_refused_until_another_leaves(self) -> None:
        running = RunningRequests(2)
        running.enter()
        running.enter()
        error = self.assertRaises(Overloaded, running.enter)
        self.assertEqual((error.status, error.retry_after_seconds), (503, 1))
        self.assertIn("2 concurrent requests", error.message())
        self.assertIn("2 个 并发请求", error.message("zh"))
        running.leave()
        running.enter()
        self.assertEqual(running.count, 2)

    def test_whoever_follows_their_number_is_told_each_change_and_no_refusal(self) -> None:
        told: list[int] = []
        running = RunningRequests(2, told.append)
        running.enter()
        running.enter()
        self.assertRaises(Overloaded, running.enter)
        running.leave()
        self.assertEqual(told, [1, 2, 1])

    def test_none_are_taken_once_it_is_told_to_refuse(self) -> None:
        running = RunningRequests(2)
        running.refuse_new()
        self.assertRaises(ShuttingDown, running.enter)
        self.assertEqual(running.count, 0)

    def test_every_answer_under_way_is_cut_and_no_other(self) -> None:
        running = RunningRequests(2)
        cut: list[tuple[str, ApiError]] = []

        def first(reason: ApiError) -> None:
            cut.append(("first", reason))
            running.remove_cut(first)

        def second(reason: ApiError) -> None:
            cut.append(("second", reason))

        running.add_cut(first)
        running.add_cut(second)
        running.remove_cut(second)
        running.cut_all()
        ((name, reason),) = cut
        self.assertEqual(name, "first")
        self.assertIsInstance(reason, ShuttingDown)
