from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.body import ChunkedBody, SizedBody
from piecesd.http.framing import NotHttp

EXTENSIONS = st.sampled_from([b"", b" ", b";", b";a", b';a="b c"', b"\t;\xff"])
TRAILERS = st.lists(st.sampled_from([b"A: b\r\n", b"c:\r\n"]), max_size=3).map(b"".join)


@st.composite
def pieces_of(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """``data``, cut anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def read(body: SizedBody | ChunkedBody, pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    """All of the data, and what follows the body."""
    data, rest = b"", None
    for piece in pieces:
        if rest is not None:
            rest += piece
            continue
        more, rest = body.feed(piece)
        data += more
    return data, rest


class SizedBodyTests(SynchronousTestCase):
    @given(st.binary(min_size=1), st.binary(), st.data())
    def test_it_takes_its_length_and_leaves_the_rest(
        self, data: bytes, rest: bytes, draw: st.DataObject
    ) -> None:
        pieces = draw.draw(pieces_of(data + rest))
        self.assertEqual(read(SizedBody(len(data)), pieces), (data, rest))


class ChunkedBodyTests(SynchronousTestCase):
    @given(
        st.lists(st.tuples(st.binary(min_size=1), EXTENSIONS), max_size=5),
        TRAILERS,
        st.binary(),
        st.data(),
    )
    def test_it_takes_the_data_of_all_chunks_and_leaves_the_rest(
        self,
        chunks: list[tuple[bytes, bytes]],
        trailers: bytes,
        rest: bytes,
        draw: st.DataObject,
    ) -> None:
        body = b"".join(
            b"%x%b\r\n%b\r\n" % (len(data), extension, data) for data, extension in chunks
        )
        pieces = draw.draw(pieces_of(body + b"0\r\n" + trailers + b"\r\n" + rest))
        expected = b"".join(data for data, _ in chunks)
        self.assertEqual(read(ChunkedBody(), pieces), (expected, rest))

    @given(
        st.text("0123aF;: \t\r\n\x00", max_size=40).map(str.encode) | st.binary(max_size=40),
        st.data(),
    )
    def test_what_it_makes_of_any_bytes_does_not_depend_on_how_they_come(
        self, received: bytes, draw: st.DataObject
    ) -> None:
        outcomes = []
        for pieces in ([received], draw.draw(pieces_of(received))):
            try:
                outcomes.append(read(ChunkedBody(), pieces))
            except NotHttp:
                outcomes.append((b"refused", None))
        self.assertEqual(*outcomes)

    def test_small_chunks_are_fine_and_tiny_ones_only_in_number(self) -> None:
        small, tiny = b"8\r\nabcdefgh\r\n", b"1\r\na\r\n"
        self.assertEqual(len(read(ChunkedBody(), [small * 50_000])[0]), 400_000)
        self.assertEqual(len(read(ChunkedBody(), [tiny * 4000])[0]), 4000)
        self.assertRaises(NotHttp, read, ChunkedBody(), [tiny * 5000])
