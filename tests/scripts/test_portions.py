"""What of the tests runs in one process, and in which order."""

from itertools import chain
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from scripts.portions import FIRST, ONE_BY_ONE, TOGETHER, portions

TESTS = Path(__file__).parent.parent


class PortionTests(SynchronousTestCase):
    def test_a_package_of_unit_tests_is_one_portion(self) -> None:
        self.assertEqual(portions(["tests.http"]), [("tests.http",)])

    def test_a_class_or_a_name_that_there_is_not_is_left_to_trial(self) -> None:
        for name in ("tests.test_docs.LinkTests", "tests.nothing"):
            self.assertEqual(portions([name]), [(name,)])

    def test_modules_that_share_what_takes_long_to_make_are_one_portion(self) -> None:
        systemd, init_d = "tests.deploy.test_systemd", "tests.deploy.test_init_d"
        self.assertEqual(portions([systemd, init_d]), [(init_d, systemd)])
        self.assertEqual(portions([systemd]), [(systemd,)])

    def test_what_is_named_twice_runs_once(self) -> None:
        names = ("tests.integration", "tests.integration.test_tls")
        self.assertEqual(portions(names), portions(["tests.integration"]))

    def test_what_takes_long_comes_first(self) -> None:
        firsts = [portion[0] for portion in portions(["tests"])]
        kinds = [
            next((kind for kind in ("deploy", "integration") if f"tests.{kind}." in name), "other")
            for name in firsts
        ]
        self.assertEqual(kinds, sorted(kinds))

    def test_every_module_runs_in_exactly_one_portion(self) -> None:
        found = [name for portion in portions(["tests"]) for name in portion]
        self.assertEqual(len(found), len(set(found)))
        for path in TESTS.rglob("test_*.py"):
            module = ".".join(path.relative_to(TESTS.parent).with_suffix("").parts)
            holders = [name for name in found if f"{module}.".startswith(f"{name}.")]
            self.assertEqual(len(holders), 1, module)


class TableTests(SynchronousTestCase):
    def test_what_is_named_exists(self) -> None:
        for name in chain(*TOGETHER):
            self.assertTrue(
                TESTS.parent.joinpath(*name.split(".")).with_suffix(".py").exists(), name
            )
        for name in chain(ONE_BY_ONE, FIRST):
            self.assertTrue(TESTS.parent.joinpath(*name.split("."), "__init__.py").exists(), name)
