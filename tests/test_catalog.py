"""The catalogue: what is built in, and what an operator's file may say."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase, TestCase

from piecesd.catalog import Catalog, CatalogError

MODEL: dict[str, Any] = {
    "id": "m@20240101",
    "aliases": ["m-20240101"],
    "family": "vertex",
    "encoding": "claude",
    "owner": "somebody",
    "created": "2024-01-01T00:00:00Z",
    "limits": {"total_tokens": 100, "input_tokens": 60, "output_tokens": 40},
}


def parse(*models: dict[str, Any]) -> Catalog:
    return Catalog.parse(json.dumps({"models": models}).encode())


class BuiltInTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.catalog = Catalog.built_in()

    def test_there_are_fourteen_models_of_three_owners(self) -> None:
        self.assertEqual(len(self.catalog.models), 14)
        owners = {model.owner for model in self.catalog.models}
        self.assertEqual(owners, {"openai", "anthropic", "google"})

    def test_ids_that_begin_with_gpt_are_the_gpt_services(self) -> None:
        for model in self.catalog.models:
            self.assertEqual(model.family == "gpt", model.id.startswith("gpt-"), model.id)

    def test_encodings_follow_the_family_and_gpt_4o(self) -> None:
        for model in self.catalog.models:
            if model.family == "vertex":
                self.assertEqual(model.encoding, "claude")
            else:
                newer = model.id.startswith("gpt-4o")
                self.assertEqual(model.encoding, "o200k_base" if newer else "cl100k_base")

    def test_a_claude_model_is_found_by_both_spellings(self) -> None:
        for spelling in ("claude-3-5-sonnet@20240620", "claude-3-5-sonnet-20240620"):
            model = self.catalog.find(spelling)
            assert model is not None
            self.assertEqual(model.id, "claude-3-5-sonnet@20240620")

    def test_a_claude_model_is_found_by_the_names_of_anthropic_s_clients(self) -> None:
        for name, model_id in (
            ("claude-3-5-sonnet-latest", "claude-3-5-sonnet@20240620"),
            ("claude-3-opus-latest", "claude-3-opus@20240229"),
            ("claude-3-haiku", "claude-3-haiku@20240307"),
        ):
            model = self.catalog.find(name)
            assert model is not None
            self.assertEqual(model.id, model_id)

    def test_only_counts_by_published_vocabularies_are_exact(self) -> None:
        for model in self.catalog.models:
            self.assertEqual(model.counts_are_approximate, model.family == "vertex", model.id)

    def test_limits_and_dates_are_those_of_the_services(self) -> None:
        model = self.catalog.find("gpt-4o-mini")
        assert model is not None
        limits = model.limits
        self.assertEqual(
            (limits.total_tokens, limits.input_tokens, limits.output_tokens),
            (80384, 64000, 16384),
        )
        self.assertEqual(model.created_unix, 1721232000)

    def test_an_unknown_name_is_not_found(self) -> None:
        self.assertIsNone(self.catalog.find("gpt-5"))
        self.assertIsNone(self.catalog.find(""))


class ParseTests(SynchronousTestCase):
    def assert_refused(self, *models: dict[str, Any]) -> str:
        return str(self.assertRaises(CatalogError, parse, *models))

    def test_a_good_file_is_taken(self) -> None:
        self.assertEqual([model.id for model in parse(MODEL).models], ["m@20240101"])

    def test_the_tag_that_ollama_s_clients_add_or_leave_out_makes_no_difference(self) -> None:
        catalog = parse(
            MODEL | {"id": "a", "aliases": []}, MODEL | {"id": "b:latest", "aliases": []}
        )
        for name, model_id in (
            ("a", "a"),
            ("a:latest", "a"),
            ("b", "b:latest"),
            ("b:latest", "b:latest"),
        ):
            model = catalog.find(name)
            assert model is not None
            self.assertEqual(model.id, model_id)
        for name in ("a:7b", ":latest", ""):
            self.assertIsNone(catalog.find(name))

    def test_an_error_says_where(self) -> None:
        self.assertIn("$.models[0].owner", self.assert_refused(MODEL | {"owner": 3}))
        self.assertIn("familiy", self.assert_refused(MODEL | {"familiy": "gpt"}))
        self.assertIn("family", self.assert_refused(MODEL | {"family": "other"}))
        self.assertIn("limits", self.assert_refused(MODEL | {"limits": {"total_tokens": 1}}))

    def test_limits_are_positive(self) -> None:
        limits = MODEL["limits"] | {"input_tokens": 0}
        self.assertIn("positive", self.assert_refused(MODEL | {"limits": limits}))

    def test_a_date_has_a_time_zone(self) -> None:
        self.assertIn("zone", self.assert_refused(MODEL | {"created": "2024-01-01T00:00:00"}))

    def test_two_models_do_not_share_a_name(self) -> None:
        other = MODEL | {"id": "other", "aliases": ["m@20240101"]}
        self.assertIn("'m@20240101'", self.assert_refused(MODEL, other))

    def test_an_empty_name_or_an_empty_file_is_refused(self) -> None:
        self.assert_refused(MODEL | {"id": ""})
        self.assert_refused(MODEL | {"aliases": [""]})
        self.assert_refused()

    @given(st.binary())
    def test_whatever_the_file_holds_it_is_a_catalogue_or_one_error(self, data: bytes) -> None:
        self.assertRaises(CatalogError, Catalog.parse, data)


class LoadTests(TestCase):
    def test_a_file_that_is_not_there_says_so(self) -> None:
        error = self.assertRaises(CatalogError, Catalog.load, self.mktemp())
        self.assertIn("No such file", str(error))
