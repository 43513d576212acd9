from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.weights import weighted


class WeightedTests(SynchronousTestCase):
    def test_each_range_has_its_weight_and_1_without_one(self) -> None:
        self.assertEqual(
            list(weighted(b"Text/HTML, */* ; q=0.5,a/b;Q=0")),
            [("text/html", 1.0), ("*/*", 0.5), ("a/b", 0.0)],
        )

    def test_what_cannot_be_read_weighs_nothing(self) -> None:
        for parameters in (b"q=", b"q=x", b"q=nan", b"q=2", b"q=-1", b"level=1", b"level=1;q=1"):
            self.assertEqual(list(weighted(b"a;" + parameters)), [("a", 0.0)], parameters)

    @given(st.binary())
    def test_any_header_can_be_read(self, header: bytes) -> None:
        for _, weight in weighted(header):
            self.assertTrue(0 <= weight <= 1)
