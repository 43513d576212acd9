"""Every error can be told to a client, in both languages."""

from collections.abc import Iterator
from string import Formatter

from twisted.trial.unittest import SynchronousTestCase

from piecesd import errors
from piecesd.errors import ApiError, ModelNotFound, Overloaded


def all_errors(root: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    yield root
    for each in root.__subclasses__():
        yield from all_errors(each)


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


class ErrorTreeTests(SynchronousTestCase):
    def test_both_languages_say_the_same_things(self) -> None:
        for error in all_errors():
            self.assertEqual(fields(error.en), fields(error.zh), error)

    def test_chinese_is_chinese(self) -> None:
        for error in all_errors():
            self.assertTrue(any("一" <= letter <= "鿿" for letter in error.zh), error)

    def test_statuses_are_errors_and_types_are_named(self) -> None:
        for error in all_errors():
            self.assertTrue(400 <= error.status <= 599, error)
            self.assertTrue(error.type)

    def test_all_stand_in_this_module(self) -> None:
        for error in all_errors():
            self.assertEqual(error.__module__, errors.__name__)


class MessageTests(SynchronousTestCase):
    def test_a_message_carries_its_fields(self) -> None:
        error = ModelNotFound(param="model", model="nope")
        self.assertIn("'nope'", str(error))
        self.assertIn("'nope'", error.message("zh"))

    def test_a_field_may_hold_what_looks_like_a_template(self) -> None:
        self.assertIn("{0.x}", str(ModelNotFound(model="{0.x}")))

    def test_an_overloaded_server_always_says_when_to_come_back(self) -> None:
        self.assertEqual(Overloaded(limit=1, what="x").retry_after_seconds, 1)
