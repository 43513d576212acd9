"""Models as Anthropic's clients read them."""

import json
from typing import Any

from anthropic.types import ModelInfo
from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.anthropic_models import Page, read_page, render_model, render_models
from piecesd.dialects.openai_models import ModelCard
from piecesd.errors import InvalidRequest, InvalidValue

CARDS = [
    ModelCard(
        id=model_id,
        owner="anthropic",
        created_unix=1709136000,
        total_tokens=300,
        input_tokens=200,
        output_tokens=100,
        encoding="claude",
        samples=False,
        calls_tools=True,
    )
    for model_id in "abcde"
]


def shown(**page: Any) -> tuple[str, bool]:
    """The ids on a page, and whether there is more."""
    body = json.loads(render_models(CARDS, Page(**page)))
    ids = [model["id"] for model in body["data"]]
    assert (body["first_id"], body["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
    return "".join(ids), body["has_more"]


class RenderTests(SynchronousTestCase):
    def test_a_model_has_the_api_s_fields(self) -> None:
        body = render_model(CARDS[0])
        self.assertEqual(
            json.loads(body),
            {
                "type": "model",
                "id": "a",
                "display_name": "a",
                "created_at": "2024-02-28T16:00:00Z",
                "lifecycle": "active",
                "max_input_tokens": 200,
                "max_tokens": 100,
            },
        )
        self.assertEqual(ModelInfo.model_validate_json(body).created_at.year, 2024)

    def test_a_list_is_read_page_by_page_in_both_directions(self) -> None:
        for page, expected in (
            ({}, ("abcde", False)),
            ({"limit": 2}, ("ab", True)),
            ({"limit": 2, "after_id": "b"}, ("cd", True)),
            ({"limit": 2, "after_id": "c"}, ("de", False)),
            ({"limit": 2, "after_id": "e"}, ("", False)),
            ({"limit": 2, "before_id": "d"}, ("bc", True)),
            ({"limit": 2, "before_id": "c"}, ("ab", False)),
            ({"limit": 2, "before_id": "a"}, ("", False)),
        ):
            self.assertEqual(shown(**page), expected, page)

    def test_a_page_begins_at_a_model_there_is(self) -> None:
        for page, param in ((Page(after_id="z"), "after_id"), (Page(before_id="z"), "before_id")):
            error = self.assertRaises(InvalidValue, render_models, CARDS, page)
            self.assertEqual(error.param, param)


class ReadPageTests(SynchronousTestCase):
    def test_a_query_says_which(self) -> None:
        self.assertEqual(read_page(b""), Page(limit=20))
        self.assertEqual(
            read_page(b"limit=5&after_id=claude%403&before_id=x&beta=true"),
            Page(limit=5, after_id="claude@3", before_id="x"),
        )

    def test_a_limit_is_a_number_from_1_to_1000(self) -> None:
        for limit in (b"0", b"1001", b"-1", b"many", b"9" * 5000, b"\xff", "٣".encode()):
            error = self.assertRaises(InvalidRequest, read_page, b"limit=" + limit)
            self.assertEqual(error.param, "limit")
