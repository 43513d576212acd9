"""Ollama's own client."""

import ollama
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import at, start, start_upstream

KEY = "ollama-test-key"
HELLO = [{"role": "user", "content": "hello there"}]


def asking(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


class ClientTestCase(SynchronousTestCase):
    """Starts a daemon with a key and its built-in upstream, and a client."""

    def setUp(self) -> None:
        self.daemon = start(
            self,
            API_KEY=KEY,
            HOST="127.0.0.1",
            ENABLE_OLLAMA_API="true",
            UPSTREAM_FAULTS="true",
            ECHO_DELAY="0",
            MAX_RETRIES="0",
        )
        self.client = self.client_with(KEY)

    def client_with(self, key: str) -> ollama.Client:
        client = ollama.Client(
            host=f"http://127.0.0.1:{self.daemon.port}",
            headers={"authorization": f"Bearer {key}"},
            timeout=10,
        )
        self.addCleanup(client.close)
        return client


class AnswerTests(ClientTestCase):
    def test_chat_whole_and_streamed(self) -> None:
        for model in ("gpt-4o", "claude-3-opus-20240229:latest"):
            whole = self.client.chat(model=model, messages=HELLO)
            assert whole.message.content is not None
            self.assertTrue(whole.message.content.endswith("says: hello there"))
            self.assertEqual((whole.model, whole.done_reason), (model, "stop"))
            parts = list(self.client.chat(model=model, messages=HELLO, stream=True))
            text = "".join(part.message.content or "" for part in parts)
            self.assertEqual(text, whole.message.content)
            self.assertGreater(len(parts), 5)
            last = parts[-1]
            self.assertEqual([part.done for part in parts[:-1]], [False] * (len(parts) - 1))
            self.assertEqual((last.done, last.done_reason), (True, "stop"))
            self.assertEqual(last.prompt_eval_count, whole.prompt_eval_count)
            self.assertEqual(last.eval_count, whole.eval_count)
            assert last.total_duration is not None and last.eval_duration is not None
            self.assertGreater(last.total_duration, 0)
            self.assertLess(last.eval_duration, last.total_duration)

    def test_generate_whole_and_streamed(self) -> None:
        whole = self.client.generate(model="gpt-4o", system="Be brief.", prompt="hello there")
        assert whole.response is not None
        self.assertTrue(whole.response.endswith("says: hello there"))
        parts = list(
            self.client.generate(
                model="gpt-4o", system="Be brief.", prompt="hello there", stream=True
            )
        )
        self.assertEqual("".join(part.response or "" for part in parts), whole.response)
        self.assertEqual(parts[-1].eval_count, whole.eval_count)

    def test_a_token_limit_and_a_stop_end_the_answer(self) -> None:
        cut = self.client.chat(model="gpt-4o", messages=HELLO, options={"num_predict": 7})
        self.assertEqual((cut.done_reason, cut.eval_count), ("length", 7))
        stopped = self.client.chat(model="gpt-4o", messages=HELLO, options={"stop": ["says:"]})
        self.assertEqual(stopped.done_reason, "stop")
        self.assertNotIn("says", stopped.message.content or "")

    def test_a_model_is_loaded_and_given_up_without_words(self) -> None:
        self.assertEqual(self.client.generate(model="gpt-4o").done_reason, "load")
        answer = self.client.chat(model="gpt-4o", messages=[], keep_alive=0)
        self.assertEqual(answer.done_reason, "unload")

    def test_models(self) -> None:
        self.assertIn("gpt-4o", [model.model for model in self.client.list().models])
        shown = self.client.show("gpt-4o")
        assert shown.modelinfo is not None
        self.assertEqual(shown.modelinfo["openai.context_length"], 68096)
        self.assertEqual(shown.capabilities, ["completion", "tools"])
        self.assertEqual(self.client.ps().models, [])


class ToolTests(ClientTestCase):
    """The built-in model repeats what it is told last, calls too."""

    def add(self, a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    def test_a_round_trip(self) -> None:
        call = '<tool_call name="add">\n{"a": 1,\n "b": 2}\n</tool_call>'
        messages: list[ollama.Message | dict[str, str]] = [*asking(call)]
        whole = self.client.chat(model="gpt-4o", messages=messages, tools=[self.add])
        parts = list(
            self.client.chat(model="gpt-4o", messages=messages, tools=[self.add], stream=True)
        )
        streamed = [call for part in parts for call in part.message.tool_calls or ()]
        for calls in (whole.message.tool_calls, streamed):
            assert calls is not None
            (called,) = calls
            self.assertEqual(called.function.name, "add")
            self.assertEqual(called.function.arguments, {"a": 1, "b": 2})
        result = {"role": "tool", "tool_name": "add", "content": "3"}
        answer = self.client.chat(model="gpt-4o", messages=[*messages, whole.message, result])
        content = answer.message.content or ""
        self.assertIn('<tool_result id="call_1" name="add">\n3\n', content)

    def test_a_format_is_held_to(self) -> None:
        schema = {"type": "object", "required": ["age"]}
        for stream in (False, True):
            messages = asking('{"age": 22}')
            if stream:
                parts = self.client.chat(
                    model="gpt-4o", messages=messages, format=schema, stream=True
                )
                text = "".join(part.message.content or "" for part in parts)
            else:
                answer = self.client.chat(model="gpt-4o", messages=messages, format=schema)
                text = answer.message.content or ""
            self.assertEqual(text, '{"age": 22}')
        with self.assertRaises(ollama.ResponseError) as caught:
            self.client.generate(model="gpt-4o", prompt="no JSON", format="json")
        self.assertEqual(caught.exception.status_code, 502)


class ErrorTests(ClientTestCase):
    def test_a_wrong_key(self) -> None:
        with self.assertRaises(ollama.ResponseError) as caught:
            self.client_with("another").list()
        self.assertEqual(caught.exception.status_code, 401)
        self.assertIn("API key", caught.exception.error)

    def test_an_unknown_model_and_a_parameter_that_can_not_be_honoured(self) -> None:
        with self.assertRaises(ollama.ResponseError) as caught:
            self.client.chat(model="gpt-0", messages=HELLO)
        self.assertEqual(caught.exception.status_code, 404)
        self.assertIn("gpt-0", caught.exception.error)
        with self.assertRaises(ollama.ResponseError) as caught:
            list(self.client.chat(model="gpt-4o", messages=HELLO, think=True, stream=True))
        self.assertEqual(caught.exception.status_code, 400)
        self.assertIn("think", caught.exception.error)

    def test_what_is_not_served(self) -> None:
        with self.assertRaises(ollama.ResponseError) as caught:
            self.client.pull("gpt-4o")
        self.assertEqual(caught.exception.status_code, 404)
        self.assertIn("/api/pull", caught.exception.error)

    def test_a_broken_stream_is_an_error_and_never_a_finished_answer(self) -> None:
        parts: list[ollama.ChatResponse] = []
        with self.assertRaises(ollama.ResponseError):
            for part in self.client.chat(
                model="gpt-4o", messages=asking("[[fault: after=3 reset]]"), stream=True
            ):
                parts.append(part)  # noqa: PERF402 those before the error count
        text = "".join(part.message.content or "" for part in parts)
        self.assertEqual(text, "This is the")
        self.assertFalse(any(part.done for part in parts))


class CancelTests(SynchronousTestCase):
    def test_a_stream_that_is_closed_early_cancels_the_call(self) -> None:
        upstream = start_upstream(self, ECHO_DELAY="0.05")
        daemon = start(self, ENABLE_OLLAMA_API="true", **at(upstream))
        client = ollama.Client(host=f"http://127.0.0.1:{daemon.port}")
        self.addCleanup(client.close)
        stream = client.chat(model="gpt-4o", messages=HELLO, stream=True)
        next(stream)
        stream.close()  # type: ignore[attr-defined]  # it is a generator
        upstream.wait_for("upstream call 1: .* cancelled", 1.0)
        daemon.wait_for("api/chat -> 200 .* cancelled")
