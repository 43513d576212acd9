"""What of the tests runs in one process, and in which order."""

from itertools import chain
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from scripts import portions
from scripts.portions import Plan

TESTS = Path(__file__).parent.parent


def in_order(*names: str) -> list[tuple[str, ...]]:
    return list(Plan.of(names).side_by_side)


class PlanTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(portions, "ALONE", ("tests.integration.test_leaks",))

    def test_a_package_of_unit_tests_is_one_portion(self) -> None:
        self.assertEqual(in_order("tests.http"), [("tests.http",)])

    def test_a_class_or_a_name_that_there_is_not_is_left_to_trial(self) -> None:
        for name in ("tests.test_docs.LinkTests", "tests.nothing"):
            self.assertEqual(in_order(name), [(name,)])

    def test_modules_that_share_what_takes_long_to_make_are_one_portion(self) -> None:
        systemd, init_d = "tests.deploy.test_systemd", "tests.deploy.test_init_d"
        self.assertEqual(in_order(systemd, init_d), [(init_d, systemd)])
        self.assertEqual(in_order(systemd), [(systemd,)])

    def test_what_is_named_twice_runs_once(self) -> None:
        names = ("tests.integration", "tests.integration.test_tls")
        self.assertEqual(in_order(*names), in_order("tests.integration"))

    def test_what_takes_long_comes_first(self) -> None:
        firsts = [portion[0] for portion in in_order("tests")]
        kinds = [
            next((kind for kind in ("deploy", "integration") if f"tests.{kind}." in name), "other")
            for name in firsts
        ]
        self.assertEqual(kinds, sorted(kinds))

    def test_what_needs_the_machine_for_itself_is_not_run_beside_others(self) -> None:
        plan = Plan.of(["tests.http", "tests.integration.test_leaks"])
        self.assertEqual(plan.side_by_side, [("tests.http",)])
        self.assertEqual(plan.alone, [("tests.integration.test_leaks",)])
        self.assertEqual(plan.size, 2)

    def test_every_module_runs_in_exactly_one_portion(self) -> None:
        plan = Plan.of(["tests"])
        found = [name for portion in (*plan.side_by_side, *plan.alone) for name in portion]
        self.assertEqual(len(found), len(set(found)))
        for path in TESTS.rglob("test_*.py"):
            module = ".".join(path.relative_to(TESTS.parent).with_suffix("").parts)
            holders = [name for name in found if f"{module}.".startswith(f"{name}.")]
            self.assertEqual(len(holders), 1, module)


class TableTests(SynchronousTestCase):
    def test_what_is_named_exists(self) -> None:
        for name in chain(portions.ALONE, *portions.TOGETHER):
            self.assertTrue(
                TESTS.parent.joinpath(*name.split(".")).with_suffix(".py").exists(), name
            )
        for name in chain(portions.ONE_BY_ONE, portions.FIRST):
            self.assertTrue(TESTS.parent.joinpath(*name.split("."), "__init__.py").exists(), name)
