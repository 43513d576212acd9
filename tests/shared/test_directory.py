from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.shared.directory import shared_directory


class SharedDirectoryTests(SynchronousTestCase):
    def test_it_is_the_one_that_the_supervisor_names(self) -> None:
        self.assertEqual(
            shared_directory({"PIECESD_SHARED_DIRECTORY": "/tmp/shared"}), Path("/tmp/shared")
        )

    def test_a_daemon_of_one_process_has_none(self) -> None:
        for environment in ({}, {"PIECESD_SHARED_DIRECTORY": ""}):
            self.assertIsNone(shared_directory(environment))
