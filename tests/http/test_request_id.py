from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.request_id import request_id_of


class RequestIdTests(SynchronousTestCase):
    def test_a_sane_id_of_the_clients_own_is_kept(self) -> None:
        for header in (b"a", b"req_1f-2.3:4/5+6=7@8~9", b"x" * 128):
            self.assertEqual(request_id_of(header), header.decode())

    def test_any_other_gives_way_to_a_new_one(self) -> None:
        insane = (None, b"", b"a b", b"a\n", b"a\r\nset-cookie: x", b'"', b"x" * 129, b"\xc3\xa9")
        ids = [request_id_of(header) for header in insane]
        for request_id, header in zip(ids, insane, strict=True):
            self.assertRegex(request_id, r"\Areq_[0-9a-f]{24}\Z", header)
        self.assertEqual(len(set(ids)), len(ids))

    @given(st.binary())
    def test_every_id_can_stand_in_a_header_and_a_log_line(self, header: bytes) -> None:
        request_id = request_id_of(header)
        self.assertTrue(request_id.isascii() and request_id.isprintable())
        self.assertTrue(1 <= len(request_id) <= 128)
