from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import InvalidApiKey, MissingApiKey
from piecesd.http.auth import ApiKeys


class ApiKeysTests(SynchronousTestCase):
    keys = ApiKeys(("first", "zweiter-schlüssel"))

    def test_without_keys_everybody_is_let_in(self) -> None:
        for shown in (b"", b"whatever", b"\xff"):
            ApiKeys(()).check(shown)

    def test_each_of_the_keys_opens(self) -> None:
        for shown in (b"first", "zweiter-schlüssel".encode()):
            self.keys.check(shown)

    def test_a_wrong_key_is_told_from_a_missing_one(self) -> None:
        for shown in (b"firs", b"first2", b"FIRST", b"\xff"):
            self.assertRaises(InvalidApiKey, self.keys.check, shown)
        error = self.assertRaises(MissingApiKey, self.keys.check, b"")
        self.assertEqual(error.status, 401)

    def test_whoever_shows_the_same_key_has_the_same_name_and_it_is_not_the_key(self) -> None:
        name = self.keys.holder(b"first")
        assert name is not None
        self.assertEqual(ApiKeys(["first"]).holder(b"first"), name, "in every daemon")
        self.assertNotEqual(self.keys.holder(b"second"), name)
        self.assertNotIn("first", name)

    def test_without_keys_nobody_has_a_name(self) -> None:
        self.assertIsNone(ApiKeys([]).holder(b"first"))

    @given(st.binary())
    def test_nothing_but_a_key_opens(self, shown: bytes) -> None:
        try:
            self.keys.check(shown)
        except InvalidApiKey:
            return
        self.assertIn(shown.decode(), ("first", "zweiter-schlüssel"))
