"""Models as Ollama's clients read them."""

import json

from ollama import ListResponse, ProcessResponse, ShowResponse
from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.ollama_models import (
    parse_show,
    render_running,
    render_shown,
    render_tags,
    render_version,
)
from piecesd.errors import MalformedJson, WrongType
from tests.dialects.test_openai_models import CARD, OTHER


class ListTests(SynchronousTestCase):
    def test_the_models_are_listed_in_order(self) -> None:
        listed = ListResponse.model_validate_json(render_tags([CARD, OTHER])).models
        self.assertEqual([each.model for each in listed], [CARD.id, OTHER.id])
        assert listed[0].modified_at is not None
        self.assertEqual(listed[0].modified_at.timestamp(), CARD.created_unix)
        assert listed[0].details is not None
        self.assertEqual(listed[0].details.family, "openai")

    def test_clients_can_tell_them_apart_by_their_digests(self) -> None:
        first, second = json.loads(render_tags([CARD, OTHER]))["models"]
        self.assertEqual(first["name"], first["model"])
        self.assertEqual((len(first["digest"]), len(second["digest"])), (64, 64))
        self.assertNotEqual(first["digest"], second["digest"])

    def test_none_is_in_memory(self) -> None:
        self.assertEqual(ProcessResponse.model_validate_json(render_running()).models, [])

    def test_the_version_is_one_that_clients_can_compare(self) -> None:
        self.assertRegex(json.loads(render_version())["version"], r"\A\d+\.\d+\.\d+\Z")


class ShowTests(SynchronousTestCase):
    def test_the_length_of_the_context_stands_where_clients_look_for_it(self) -> None:
        shown = ShowResponse.model_validate_json(render_shown(CARD))
        assert shown.modelinfo is not None
        architecture = shown.modelinfo["general.architecture"]
        self.assertEqual(shown.modelinfo[f"{architecture}.context_length"], 8000)
        self.assertEqual(shown.capabilities, ["completion", "tools"])

    def test_without_tools_it_can_only_complete(self) -> None:
        self.assertEqual(json.loads(render_shown(OTHER))["capabilities"], ["completion"])

    def test_a_model_is_asked_for_by_either_name_of_the_field(self) -> None:
        self.assertEqual(parse_show(b'{"model": "a", "name": "b"}'), "a")
        self.assertEqual(parse_show(b'{"name": "b"}'), "b")
        self.assertEqual(parse_show(b"{}"), "")
        self.assertRaises(WrongType, parse_show, b'{"model": 4}')
        self.assertRaises(MalformedJson, parse_show, b"model")
