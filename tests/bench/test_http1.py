"""The client's side of HTTP/1.1, however its bytes are split."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bench.http1 import ResponseBroken, ResponseReader, Target, encode_post
from tests.bench.test_http2 import cut

places_lists = st.lists(st.integers(min_value=0), max_size=20)


def read(data: bytes, places: list[int]) -> tuple[ResponseReader, bytes]:
    reader = ResponseReader()
    body = b"".join(reader.feed(part) for part in cut(data, places))
    return reader, body


class ResponseReaderTests(SynchronousTestCase):
    @given(st.lists(st.binary(min_size=1, max_size=30)), places_lists)
    def test_chunks_are_joined_to_the_body_they_were_cut_from(
        self, chunks: list[bytes], places: list[int]
    ) -> None:
        framed = b"".join(b"%x;x=y\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        reader, body = read(head + framed + b"0\r\ntrailer: x\r\n\r\n", places)
        self.assertEqual(body, b"".join(chunks))
        self.assertTrue(reader.complete)
        self.assertTrue(reader.reusable)

    @given(st.binary(max_size=50), places_lists)
    def test_a_body_of_a_told_length_is_complete_at_its_end(
        self, content: bytes, places: list[int]
    ) -> None:
        head = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: %d\r\n\r\n" % len(content)
        reader, body = read(head + content, places)
        self.assertEqual((reader.status, body, reader.complete), (503, content, True))

    @given(st.binary(max_size=50), places_lists)
    def test_other_bodies_end_with_the_connection(self, content: bytes, places: list[int]) -> None:
        reader, body = read(b"HTTP/1.1 200 OK\r\n\r\n" + content, places)
        self.assertEqual((body, reader.complete), (content, False))
        reader.feed_end()
        self.assertTrue(reader.complete)
        self.assertFalse(reader.reusable)

    def test_a_connection_that_will_close_is_not_reused(self) -> None:
        reader, _ = read(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", [])
        self.assertTrue(reader.complete)
        self.assertFalse(reader.reusable)

    def test_informational_responses_are_skipped(self) -> None:
        reader, _ = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", [])
        self.assertEqual(reader.status, 204)

    def test_a_cut_body_is_broken(self) -> None:
        reader, _ = read(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n1234", [])
        self.assertRaises(ResponseBroken, reader.feed_end)

    def test_what_is_no_response_is_broken(self) -> None:
        self.assertRaises(ResponseBroken, ResponseReader().feed, b"SSH-2.0-x\r\n\r\n")
        chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"
        self.assertRaises(ResponseBroken, ResponseReader().feed, chunked)


class TargetTests(SynchronousTestCase):
    def test_a_request_goes_below_the_base_url_with_its_key(self) -> None:
        target = Target.from_url("http://127.0.0.1:81/v1/", model="m", api_key="k")
        head, _, body = encode_post(target, "/x", b"{}").partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0], b"POST /v1/x HTTP/1.1")
        self.assertIn(b"authorization: Bearer k", lines)
        self.assertIn(b"content-length: 2", lines)
        self.assertEqual(body, b"{}")

    def test_only_http_urls_are_targets(self) -> None:
        for url in ("https://example.com/v1", "127.0.0.1:80", "http:///v1"):
            self.assertRaises(ValueError, Target.from_url, url, model="m")
