from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.framing import (
    BodyFraming,
    NotHttp,
    can_become_line,
    read_header_line,
    read_request_line,
)

TOKEN = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=40).map(str.encode)
VALUE = st.text("\t !~09azé", max_size=20).map(lambda text: text.encode("latin-1"))
LINE = st.binary(max_size=30) | st.text(" \t:\r\n\x00aZ09/.*HTP-", max_size=30).map(str.encode)

CONTROLS = {*range(32), 127} - {ord("\t")}


def is_request_line(line: bytes) -> bool:
    try:
        words = read_request_line(line)
    except NotHttp:
        return False
    assert b" ".join(words) == line
    return True


class LineTests(SynchronousTestCase):
    @given(TOKEN, VALUE)
    def test_a_header_line_is_a_token_a_colon_and_any_visible_value(
        self, name: bytes, value: bytes
    ) -> None:
        self.assertEqual(read_header_line(name + b":" + value), (name, value.strip(b" \t")))

    @given(LINE)
    def test_any_line_is_read_or_refused_and_what_is_read_has_no_control_characters(
        self, line: bytes
    ) -> None:
        try:
            name, value = read_header_line(line)
        except NotHttp:
            return
        self.assertEqual(line.partition(b":")[0], name)
        self.assertTrue(name.isascii() and not set(name) & set(b" \t\r\n\x00:"))
        self.assertFalse([byte for byte in value if byte in CONTROLS])

    @given(LINE)
    def test_a_request_line_that_passes_has_three_words_and_a_version_spoken_here(
        self, line: bytes
    ) -> None:
        if is_request_line(line):
            self.assertRegex(line, rb"\A\S+ \S+ HTTP/1\.[01]\Z")

    def test_targets_are_paths_and_whole_urls(self) -> None:
        for target in (b"/", b"/a?b=c", b"//", b"http://x", b"HTTPS://x:1/a", b"http://x?q"):
            self.assertTrue(is_request_line(b"GET " + target + b" HTTP/1.1"), target)
        for target in (b"", b"*", b"x", b"x:1", b"http://", b"http:///x", b"ftp://x/", b"?x"):
            self.assertFalse(is_request_line(b"GET " + target + b" HTTP/1.1"), target)

    @given(TOKEN, VALUE, st.data())
    def test_every_begin_of_a_good_line_can_become_one(
        self, name: bytes, value: bytes, data: st.DataObject
    ) -> None:
        line = name + b":" + value + b"\r"
        length = data.draw(st.integers(0, len(line)))
        self.assertTrue(can_become_line(line[:length]))


class BodyFramingTests(SynchronousTestCase):
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([b"content-length", b"transfer-encoding"]),
                st.sampled_from([b"0", b"5", b"05", b"5, 5", b"chunked", b"CHUNKED", b"gzip", b""]),
            ),
            max_size=3,
        ),
        st.sampled_from([b"HTTP/1.0", b"HTTP/1.1"]),
    )
    def test_a_body_is_framed_once_or_not_at_all(
        self, headers: list[tuple[bytes, bytes]], version: bytes
    ) -> None:
        framing = BodyFraming(version)
        plain = all(
            value.isdigit() if name == b"content-length" else value.lower() == b"chunked"
            for name, value in headers
        )
        chunked_in_1_0 = version == b"HTTP/1.0" and b"chunked" in [v.lower() for _, v in headers]
        is_good = len(headers) <= 1 and plain and not chunked_in_1_0
        try:
            for name, value in headers:
                framing.take(name, value)
        except NotHttp:
            self.assertFalse(is_good)
        else:
            self.assertTrue(is_good)
            self.assertFalse(framing.is_chunked and framing.length is not None)

    def test_host_is_asked_for_in_http_1_1_alone(self) -> None:
        BodyFraming(b"HTTP/1.0").end()
        self.assertRaises(NotHttp, BodyFraming(b"HTTP/1.1").end)
