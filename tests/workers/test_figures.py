from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.workers.figures import merge, totals


def status(count: int, *, usable: bool = True, state: str = "ok") -> dict[str, Any]:
    return {
        "status": state,
        "version": "1.0",
        "uptime_seconds": 10.0 * count,
        "pools": {
            "threads": {"busy": count, "max": 512},
            "services": {"gpt": [{"address": "a:1", "weight": 3, "usable": usable, "opened": 5}]},
        },
        "requests": {
            "all": {"last_second": count, "total": 10 * count},
            "api": {"total": count, "in_flight": count},
        },
        "steps": {"7": {"requests": count}},
    }


class MergeTests(SynchronousTestCase):
    def test_numbers_are_added_and_texts_are_the_own_ones(self) -> None:
        merged = merge(status(1), [status(2, state="draining"), status(4)])
        self.assertEqual(
            merged,
            {
                "status": "ok",
                "version": "1.0",
                "uptime_seconds": 10.0,
                "pools": {
                    "threads": {"busy": 7, "max": 1536},
                    "services": {
                        "gpt": [{"address": "a:1", "weight": 3, "usable": True, "opened": 15}]
                    },
                },
                "requests": {
                    "all": {"last_second": 7, "total": 70},
                    "api": {"total": 7, "in_flight": 7},
                },
                "steps": {"7": {"requests": 7}},
            },
        )

    def test_an_address_that_one_worker_can_use_is_usable(self) -> None:
        for one, other in ((True, False), (False, True)):
            merged = merge(status(1, usable=one), [status(1, usable=other)])
            self.assertIs(merged["pools"]["services"]["gpt"][0]["usable"], True)

    def test_none_is_changed(self) -> None:
        own, other = status(1), status(2)
        merge(own, [other])
        self.assertEqual((own, other), (status(1), status(2)))

    def test_what_only_one_says_is_kept(self) -> None:
        self.assertEqual(merge({"a": 1}, [{"b": {"c": 2}}]), {"a": 1, "b": {"c": 2}})

    def test_lists_of_different_lengths_are_not_mixed(self) -> None:
        self.assertEqual(merge({"a": [1]}, [{"a": [1, 2]}]), {"a": [1]})


class TotalsTests(SynchronousTestCase):
    def test_of_a_worker_that_has_ended_only_totals_and_the_last_minutes_count(self) -> None:
        ended = totals(status(3))
        self.assertEqual(merge(status(1), [ended])["requests"]["all"]["total"], 40)
        self.assertEqual(merge(status(1), [ended])["requests"]["api"]["in_flight"], 1)
        self.assertEqual(merge(status(1), [ended])["steps"], {"7": {"requests": 4}})
        self.assertEqual(merge(status(1), [ended])["pools"], status(1)["pools"])

    def test_totals_add_up_over_many_that_have_ended(self) -> None:
        both = totals(merge(status(3), [totals(status(2))]))
        self.assertEqual(both["requests"]["all"]["total"], 50)
        self.assertEqual(both["steps"], {"7": {"requests": 5}})

    def test_one_that_never_said_anything_had_none(self) -> None:
        self.assertEqual(merge(status(1), [totals({})]), status(1))
