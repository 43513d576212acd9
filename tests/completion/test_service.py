"""Which model and upstream a request gets."""

from twisted.internet.defer import CancelledError, Deferred

from piecesd.chat import ChatRequest, Tool
from piecesd.completion.service import TokenCount
from piecesd.errors import InvalidValue, ModelNotConfigured, ModelNotFound
from tests.completion.support import CompletionCase, StoppedThread, chat


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

    def test_a_name_with_ollama_s_tag_is_the_same_and_kept(self) -> None:
        completion = self.begin(model="gpt-4o:latest")
        self.assertEqual(completion.model_name, "gpt-4o:latest")
        self.assertEqual(completion.figures.model_id, "gpt-4o")


class CountTests(CompletionCase):
    def count(self, content: str | ChatRequest, model: str = "gpt-4") -> TokenCount:
        return self.successResultOf(Deferred.fromCoroutine(self.completions.count(model, content)))

    def test_a_text_has_its_own_tokens_and_no_more(self) -> None:
        self.assertEqual(self.count("hello world").tokens, 2)
        self.assertEqual(self.count("").tokens, 0)

    def test_a_request_has_those_of_its_prompt(self) -> None:
        counted = self.count(chat("hello world"))
        self.assertEqual(counted.tokens, 3 + 1 + 2 + 3)  # a frame, a role, a text, the priming
        self.assertEqual((counted.model_name, counted.model.id), ("gpt-4", "gpt-4"))
        self.assertEqual((self.gpt.streams, self.gpt.replies), ([], []))

    def test_tools_count_as_the_model_is_told_of_them(self) -> None:
        plain = self.count(chat("hello world")).tokens
        with_tools = self.count(chat("hello world", tools=(Tool(name="f"),))).tokens
        self.assertGreater(with_tools, plain + 100)

    def test_long_texts_are_counted_on_another_thread(self) -> None:
        self.count("load the vocabulary")
        thread = StoppedThread()
        self.completions = self.make(run_in_thread=thread.run)
        waiting = Deferred.fromCoroutine(self.completions.count("gpt-4", "word " * 10_000))
        self.assertNoResult(waiting)
        thread.step()
        self.assertEqual(self.successResultOf(waiting).tokens, 10_001)

    def test_one_that_nobody_waits_for_is_given_up(self) -> None:
        self.count("load the vocabulary")
        thread = StoppedThread()
        self.completions = self.make(run_in_thread=thread.run)
        for content in ("word " * 10_000, chat("word " * 10_000)):
            waiting = Deferred.fromCoroutine(self.completions.count("gpt-4", content))
            waiting.cancel()
            self.failureResultOf(waiting, CancelledError)

    def test_an_unknown_model_counts_nothing(self) -> None:
        waiting = Deferred.fromCoroutine(self.completions.count("nope", "hi"))
        self.failureResultOf(waiting, ModelNotFound)
