"""What the clients of a soak ask for."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Message
from piecesd.embedded.faults import find_fault
from soak.shapes import random_shape


class ShapeTests(SynchronousTestCase):
    def test_every_question_can_be_read_as_a_directive_of_the_upstream(self) -> None:
        random = Random(0)
        for number in range(300):
            shape = random_shape(random, f"soak.{number}")
            fault = find_fault((Message(role="user", text=shape.question),))
            assert fault is not None
            self.assertTrue(fault.is_checked)
            self.assertEqual((fault.pieces, fault.size), (shape.pieces, shape.size))

    def test_a_seed_gives_the_same_requests_again(self) -> None:
        first, second = Random(7), Random(7)
        for _ in range(50):
            self.assertEqual(random_shape(first, "a"), random_shape(second, "a"))
