"""Model objects as OpenAI clients read them."""

import json

from openai.types import Model
from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.openai_models import ModelCard, render_model, render_models

CARD = ModelCard(
    id="gpt-4",
    owner="openai",
    created_unix=1694793600,
    total_tokens=8000,
    input_tokens=4100,
    output_tokens=3900,
    encoding="cl100k_base",
    samples=True,
    calls_tools=True,
)
OTHER = ModelCard(
    id="claude-3-haiku-20240307",
    owner="anthropic",
    created_unix=1711411200,
    total_tokens=40000,
    input_tokens=35000,
    output_tokens=4096,
    encoding="claude",
    samples=False,
    calls_tools=False,
)


class RenderModelsTests(SynchronousTestCase):
    def test_the_api_s_own_fields_come_first(self) -> None:
        self.assertTrue(
            render_model(CARD).startswith(
                b'{"id":"gpt-4","object":"model","created":1694793600,"owned_by":"openai",'
            )
        )

    def test_limits_are_told_under_the_names_that_clients_read(self) -> None:
        model = json.loads(render_model(CARD))
        for name in ("context_length", "context_window", "max_model_len", "max_context_length"):
            self.assertEqual(model[name], 8000)
        self.assertEqual(model["max_input_tokens"], 4100)
        for name in ("max_output_tokens", "max_completion_tokens"):
            self.assertEqual(model[name], 3900)

    def test_what_it_takes_and_gives_is_told_as_openrouter_tells_it(self) -> None:
        model = json.loads(render_model(CARD))
        self.assertEqual(
            model["architecture"],
            {
                "tokenizer": "cl100k_base",
                "modality": "text->text",
                "input_modalities": ["text"],
                "output_modalities": ["text"],
                "instruct_type": None,
            },
        )
        self.assertEqual(
            model["top_provider"],
            {"context_length": 8000, "max_completion_tokens": 3900, "is_moderated": False},
        )
        self.assertLessEqual({"temperature", "tools", "stop"}, set(model["supported_parameters"]))
        self.assertTrue(model["capabilities"]["function_calling"])
        self.assertNotIn("pricing", model)

    def test_what_has_no_effect_is_not_among_its_parameters(self) -> None:
        model = json.loads(render_model(OTHER))
        parameters = set(model["supported_parameters"])
        self.assertEqual(parameters & {"temperature", "top_p", "tools", "tool_choice"}, set())
        self.assertFalse(model["capabilities"]["function_calling"])

    def test_the_list_holds_the_models_in_order(self) -> None:
        body = json.loads(render_models([CARD, OTHER]))
        self.assertEqual(body["object"], "list")
        self.assertEqual(
            body["data"], [json.loads(render_model(CARD)), json.loads(render_model(OTHER))]
        )

    def test_the_sdk_reads_a_model(self) -> None:
        model = Model.model_validate_json(render_model(CARD), strict=True)
        self.assertEqual((model.id, model.created, model.owned_by), ("gpt-4", 1694793600, "openai"))
