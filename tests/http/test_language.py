from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.language import preferred_language


class PreferredLanguageTests(SynchronousTestCase):
    def test_chinese_where_it_is_preferred_to_english(self) -> None:
        for header in (
            b"zh",
            b"zh-CN",
            b"ZH-Hans-CN, en;q=0.9",
            b"en;q=0.5, zh;q=0.6",
            b"fr, zh;q=0.8, en;q=0.7",
            b"zh-TW;q=0.8,*;q=0.1",
            b" zh ; q=1 ",
        ):
            self.assertEqual(preferred_language(header), "zh", header)

    def test_english_everywhere_else(self) -> None:
        for header in (
            b"",
            b"en, zh",
            b"fr",
            b"*",
            b"zh;q=0",
            b"zh;q=0.5, en-GB",
            b"zh;q=nonsense",
            b"zh;q=nan",
            b"zh;v=1",
            b"zhx",
            b"\xff\xfe",
        ):
            self.assertEqual(preferred_language(header), "en", header)

    @given(st.binary())
    def test_any_header_means_one_of_the_two(self, header: bytes) -> None:
        self.assertIn(preferred_language(header), ("en", "zh"))
