from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import InvalidApiKey, MissingApiKey
from piecesd.http.auth import ApiKeys


class ApiKeysTests(SynchronousTestCase):
    keys = ApiKeys(("first", "zweiter-schlüssel"))

    def test_without_keys_everybody_is_let_in(self) -> None:
        for authorization in (None, b"Bearer whatever", b"\xff"):
            ApiKeys(()).check(authorization)

    def test_each_of_the_keys_opens_and_the_scheme_has_no_case(self) -> None:
        for authorization in (
            b"Bearer first",
            b"bearer first",
            b"BEARER   first  ",
            "Bearer zweiter-schlüssel".encode(),
        ):
            self.keys.check(authorization)

    def test_a_wrong_key_is_told_from_a_missing_one(self) -> None:
        for authorization in (b"Bearer firs", b"Bearer first2", b"Bearer FIRST", b"Bearer \xff"):
            self.assertRaises(InvalidApiKey, self.keys.check, authorization)
        for nothing in (None, b"", b"Bearer", b"Bearer  ", b"Basic first", b"first"):
            error = self.assertRaises(MissingApiKey, self.keys.check, nothing)
            self.assertEqual(error.status, 401)

    def test_whoever_shows_the_same_key_has_the_same_name_and_it_is_not_the_key(self) -> None:
        name = self.keys.holder(b"Bearer first")
        assert name is not None
        self.assertEqual(self.keys.holder(b"bearer  first "), name)
        self.assertEqual(ApiKeys(["first"]).holder(b"Bearer first"), name, "in every daemon")
        self.assertNotEqual(self.keys.holder(b"Bearer second"), name)
        self.assertNotIn("first", name)

    def test_without_keys_nobody_has_a_name(self) -> None:
        self.assertIsNone(ApiKeys([]).holder(b"Bearer first"))

    @given(st.binary())
    def test_nothing_but_a_key_opens(self, shown: bytes) -> None:
        try:
            self.keys.check(b"Bearer " + shown)
        except InvalidApiKey:
            return
        self.assertIn(shown.strip().decode(), ("first", "zweiter-schlüssel"))
