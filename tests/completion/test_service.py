"""Which model and upstream a request gets."""

from piecesd.errors import InvalidValue, ModelNotConfigured, ModelNotFound
from tests.completion.support import CompletionCase, chat


class CompletionsTests(CompletionCase):
    def test_only_models_with_an_upstream_are_served(self) -> None:
        self.assertEqual({model.family for model in self.completions.models}, {"gpt"})

    def test_an_unknown_model_is_not_found(self) -> None:
        error = self.assertRaises(ModelNotFound, self.begin, model="nope")
        self.assertEqual((error.status, error.code), (404, "model_not_found"))

    def test_a_model_without_an_upstream_says_so(self) -> None:
        error = self.assertRaises(ModelNotConfigured, self.begin, model="gemini-pro")
        self.assertIn("vertex", str(error))

    def test_a_request_without_a_model_is_refused(self) -> None:
        self.assertRaises(InvalidValue, self.begin, model="")

    def test_the_default_takes_unknown_and_unnamed_models(self) -> None:
        completions = self.make(default_model="gpt-4o")
        for name in ("nope", ""):
            completion = completions.begin(chat(model=name), request_id="r1")
            self.assertEqual(completion.model_name, "gpt-4o")

    def test_the_default_does_not_take_a_known_model_without_an_upstream(self) -> None:
        completions = self.make(default_model="gpt-4o")
        self.assertRaises(
            ModelNotConfigured, completions.begin, chat(model="gemini-pro"), request_id="r1"
        )

    def test_the_answer_goes_by_the_name_the_client_used(self) -> None:
        completions = self.make()
        object.__setattr__(completions, "upstreams", {"vertex": self.gpt})
        completion = completions.begin(chat(model="claude-3-opus-20240229"), request_id="r1")
        self.assertEqual(completion.model_name, "claude-3-opus-20240229")
        self.assertEqual(completion.figures.model_id, "claude-3-opus@20240229")
