"""What is recorded of a build; tests/integration/test_packaging.py builds for real."""

import json
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from hatch_build import RECORD, build_time, commit_of


class BuildTimeTests(SynchronousTestCase):
    def test_it_is_the_source_date_where_one_is_set(self) -> None:
        self.patch(os, "environ", {"SOURCE_DATE_EPOCH": "1700000000"})
        self.assertEqual(build_time(), "2023-11-14T22:13:20Z")

    def test_it_is_now_where_none_is(self) -> None:
        for environ in ({}, {"SOURCE_DATE_EPOCH": ""}):
            self.patch(os, "environ", environ)
            self.assertGreater(build_time(), "2023-11-14T22:13:20Z")


class CommitTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        Path(self.root, RECORD).parent.mkdir(parents=True)

    def test_a_tree_without_a_repository_has_none_that_is_known(self) -> None:
        """Not even one around it: that would be a commit of something else."""
        self.assertEqual(commit_of(self.root), "unknown")

    def test_a_repository_that_git_cannot_read_has_none_either(self) -> None:
        Path(self.root, ".git").write_text("gitdir: nowhere\n")
        self.assertEqual(commit_of(self.root), "unknown")

    def test_an_unpacked_sdist_has_the_one_it_was_made_of(self) -> None:
        Path(self.root, RECORD).write_text(json.dumps({"time": "then", "commit": "0123456789ab"}))
        self.assertEqual(commit_of(self.root), "0123456789ab")
