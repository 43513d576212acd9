from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import MethodNotAllowed, UnknownPath
from piecesd.openapi.operations import OPERATIONS
from tests.test_docs import error_classes

_OF_NO_OPERATION = {MethodNotAllowed, UnknownPath}


class OperationTests(SynchronousTestCase):
    def test_each_error_that_a_client_may_get_is_one_of_some_operation(self) -> None:
        told = {
            (error.status, error.code)
            for operation in OPERATIONS.values()
            for error in operation.possible_errors
        }
        for error in error_classes():
            if error.code is not None and error not in _OF_NO_OPERATION:
                self.assertIn((error.status, error.code), told)

    def test_what_is_read_has_an_example(self) -> None:
        for name, operation in OPERATIONS.items():
            self.assertEqual(not operation.request, operation.example is None, name)
