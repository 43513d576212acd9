from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.page import prefers_html
from tests.http.wire import Response, WireTestCase, request_bytes

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class PrefersHtmlTests(SynchronousTestCase):
    def test_html_where_it_weighs_more_than_json(self) -> None:
        for accept in (
            BROWSER,
            "text/html",
            "TEXT/HTML",
            "text/*",
            "text/html;q=0.2",
            "text/html, application/json;q=0.9",
            "*/*;q=0.1, text/html;q=0.2",
            "text/html, */*;q=0.8",
            "*/*, application/json;q=0.5",
            "text/html, application/*;q=0.5, */*",
        ):
            self.assertTrue(prefers_html(accept.encode()), accept)

    def test_json_everywhere_else(self) -> None:
        for accept in (
            "",
            "*/*",
            "application/json",
            "text/html, application/json",
            "application/json, text/html;q=0.9",
            "text/html;q=0",
            "text/*, text/html;q=0",
            "text/html;q=0.5, */*",
            "text/html;q=nonsense",
            "text/plain",
            "image/*",
        ):
            self.assertFalse(prefers_html(accept.encode()), accept)
        self.assertFalse(prefers_html(None))

    @given(st.binary())
    def test_any_header_means_one_of_the_two(self, accept: bytes) -> None:
        self.assertIsInstance(prefers_html(accept), bool)


class PageTests(WireTestCase):
    def page(self, *headers: str) -> Response:
        return self.get("/", f"accept: {BROWSER}", *headers)

    def test_browsers_get_the_page_and_others_json(self) -> None:
        page = self.page()
        self.assertEqual(page.headers["content-type"], "text/html; charset=utf-8")
        self.assertTrue(page.body.startswith(b"<!doctype html>"))
        for accept in ([], ["accept: */*"], ["accept: application/json"]):
            self.assertEqual(self.get("/", *accept).json()["status"], "ok")

    def test_caches_are_told_what_the_answer_depends_on(self) -> None:
        self.assertEqual(self.page().headers["vary"], "accept, accept-language")
        self.assertEqual(self.get("/").headers["vary"], "accept")
        self.serve(cors_origins=("https://a.example",))
        self.assertEqual(self.get("/").headers["vary"], "origin, accept")

    def test_it_is_in_the_language_of_the_client(self) -> None:
        self.assertIn('<html lang="en"', self.page().body.decode())
        chinese = self.page("accept-language: zh-CN,zh;q=0.9").body.decode()
        self.assertIn('<html lang="zh-Hans"', chinese)
        self.assertIn("运行正常", chinese)

    def test_it_may_load_nothing_be_framed_nowhere_and_send_no_referrer(self) -> None:
        headers = self.page().headers
        policy = headers["content-security-policy"].split("; ")
        for directive in ("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"):
            self.assertIn(directive, policy)
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(headers["referrer-policy"], "no-referrer")
        self.assertNotIn("content-security-policy", self.get("/").headers)

    def test_a_browser_that_has_it_is_not_sent_it_again(self) -> None:
        page = self.page()
        self.assertEqual(page.headers["cache-control"], "no-cache")
        tag = page.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}'):
            connection = self.connect()
            headers = [f"accept: {BROWSER}", f"if-none-match: {known}"]
            connection.send(request_bytes("GET", "/", headers=headers))
            head, _, rest = connection.received.partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 304 "), head)
            self.assertNotIn(b"transfer-encoding", head.lower())
            self.assertEqual(rest, b"")
        chinese = self.page(f"if-none-match: {tag}", "accept-language: zh")
        self.assertEqual(chinese.status, 200)

    def test_it_knows_the_prefix_the_paths_and_whether_a_key_is_asked_for(self) -> None:
        self.serve(api_prefix='/a"b/', api_keys=("secret-key",))
        page = self.page().body.decode()
        self.assertIn('data-api-prefix="/a&quot;b/"', page)
        self.assertIn('data-asks-key="yes"', page)
        self.assertRegex(page, r'data-paths="chat/completions [a-z/ ]*models"')
        self.assertNotIn("secret-key", page)
