from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.workers.place import Place


class PlaceTests(SynchronousTestCase):
    def test_a_worker_reads_what_its_supervisor_has_set(self) -> None:
        place = Place(number=3, shared_directory=Path("/tmp/shared"), sockets=2)
        self.assertEqual(Place.of_process({"PATH": "/bin", **place.environment}), place)

    def test_others_know_the_worker_by_two_variables(self) -> None:
        place = Place(number=3, shared_directory=Path("/tmp/shared"), sockets=1)
        self.assertEqual(place.environment["PIECESD_WORKER"], "3")
        self.assertEqual(place.environment["PIECESD_SHARED_DIRECTORY"], "/tmp/shared")

    def test_any_other_process_has_none(self) -> None:
        self.assertIsNone(Place.of_process({"PIECESD_WORKER": "3"}))

    def test_its_sockets_are_after_the_pipes(self) -> None:
        place = Place(number=0, shared_directory=Path("/tmp/shared"), sockets=2)
        self.assertEqual(list(place.listening_fds), [5, 6])
