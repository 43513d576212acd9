from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.cors import CorsPolicy

ORIGIN = b"https://page.example"


class CorsPolicyTests(SynchronousTestCase):
    def test_without_origins_no_header_is_sent_and_no_preflight_answered(self) -> None:
        policy = CorsPolicy(())
        self.assertFalse(policy.enabled)
        self.assertEqual(policy.response_headers(ORIGIN), ())
        self.assertIsNone(policy.preflight_headers(b"OPTIONS", ORIGIN, b"POST", None))

    def test_a_star_lets_every_origin_in(self) -> None:
        headers = dict(CorsPolicy(("*",)).response_headers(ORIGIN))
        self.assertEqual(headers[b"access-control-allow-origin"], b"*")
        self.assertIn(b"x-request-id", headers[b"access-control-expose-headers"])

    def test_a_listed_origin_is_named_and_others_get_nothing_to_go_by(self) -> None:
        policy = CorsPolicy((ORIGIN.decode(),))
        headers = dict(policy.response_headers(ORIGIN))
        self.assertEqual(headers[b"access-control-allow-origin"], ORIGIN)
        self.assertEqual(headers[b"vary"], b"origin")
        for other in (None, b"https://page.example.evil", b"null", b"*"):
            self.assertEqual(policy.response_headers(other), ((b"vary", b"origin"),))

    def test_credentials_are_never_allowed(self) -> None:
        for policy in (CorsPolicy(("*",)), CorsPolicy((ORIGIN.decode(),))):
            preflight = policy.preflight_headers(b"OPTIONS", ORIGIN, b"POST", None)
            for name, _ in (*policy.response_headers(ORIGIN), *(preflight or ())):
                self.assertNotEqual(name, b"access-control-allow-credentials")

    def test_a_preflight_may_ask_for_any_header(self) -> None:
        wanted = b"authorization,content-type,x-stainless-lang"
        headers = dict(
            CorsPolicy(("*",)).preflight_headers(b"OPTIONS", ORIGIN, b"POST", wanted) or ()
        )
        self.assertEqual(headers[b"access-control-allow-headers"], wanted)
        self.assertIn(b"POST", headers[b"access-control-allow-methods"])

    def test_only_options_with_an_origin_and_a_wanted_method_is_a_preflight(self) -> None:
        policy = CorsPolicy(("*",))
        self.assertIsNone(policy.preflight_headers(b"POST", ORIGIN, b"POST", None))
        self.assertIsNone(policy.preflight_headers(b"OPTIONS", None, b"POST", None))
        self.assertIsNone(policy.preflight_headers(b"OPTIONS", ORIGIN, None, None))

    @given(st.binary())
    def test_what_is_echoed_is_a_list_of_header_names(self, wanted: bytes) -> None:
        headers = dict(
            CorsPolicy(("*",)).preflight_headers(b"OPTIONS", ORIGIN, b"POST", wanted) or ()
        )
        allowed = headers[b"access-control-allow-headers"].decode("ascii")
        self.assertFalse(set(allowed) & set('\r\n\0:;"()<>[]{}/\\=?@'))
