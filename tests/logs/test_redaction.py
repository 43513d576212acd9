"""Secrets in texts."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.logs.redaction import Redaction

SECRETS = st.from_regex(r"[!-~]{12,30}", fullmatch=True)


class RedactionTests(SynchronousTestCase):
    def test_every_occurrence_of_every_secret_is_hidden(self) -> None:
        redact = Redaction(["alpha-key", "beta-key"])
        self.assertEqual(
            redact("a=alpha-key&b=beta-key, Bearer alpha-key"),
            "a=(hidden)&b=(hidden), Bearer (hidden)",
        )

    def test_a_secret_that_begins_like_another_is_hidden_whole(self) -> None:
        self.assertEqual(Redaction(["key", "key-two"])("key-two key"), "(hidden) (hidden)")

    def test_without_secrets_nothing_changes(self) -> None:
        self.assertEqual(Redaction([])("text"), "text")
        self.assertEqual(Redaction([""])("text"), "text")

    @given(SECRETS, st.text(), st.text())
    def test_a_secret_is_hidden_in_any_spelling(self, secret: str, before: str, after: str) -> None:
        text = Redaction([secret])(f"{before}{secret}{after} {secret!r} {[secret]}")
        self.assertNotIn(secret, text)
        self.assertNotIn(repr(secret)[1:-1], text)
