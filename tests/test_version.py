"""What a build says of itself."""

import re

from twisted.trial.unittest import SynchronousTestCase

from piecesd import __version__
from piecesd.version import Build, read_build


class BuildTests(SynchronousTestCase):
    def test_a_checkout_names_its_version_and_commit(self) -> None:
        build = read_build()
        self.assertEqual(build.version, __version__)
        self.assertTrue(re.fullmatch("[0-9a-f]{12}|unknown", build.commit), build.commit)

    def test_the_line_has_version_time_and_commit(self) -> None:
        build = Build(version="1.2.3", time="2026-01-01T00:00:00Z", commit="0123456789ab")
        self.assertEqual(
            str(build), "piecesd 1.2.3 (built 2026-01-01T00:00:00Z, commit 0123456789ab)"
        )
