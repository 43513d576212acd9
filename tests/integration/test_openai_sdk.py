"""The official openai SDK as a client."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import openai
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import at, start, start_upstream

KEY = "sdk-test-key"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello there"}]


def asking(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def text_of(chunks: list[ChatCompletionChunk], choice: int = 0) -> str:
    """The text that the chunks bring to one choice."""
    return "".join(
        each.delta.content or ""
        for chunk in chunks
        for each in chunk.choices
        if each.index == choice
    )


def finish_reasons(chunks: list[ChatCompletionChunk]) -> list[str]:
    """The finish reasons in the order of their coming."""
    return [each.finish_reason for chunk in chunks for each in chunk.choices if each.finish_reason]


class SdkTestCase(SynchronousTestCase):
    """Starts a daemon with a key and its built-in upstream, and a client."""

    def setUp(self) -> None:
        self.daemon = start(self, API_KEY=KEY, HOST="127.0.0.1", **self.settings())
        self.client = self.client_with(KEY)

    def settings(self) -> dict[str, str]:
        return {"UPSTREAM_FAULTS": "true", "ECHO_DELAY": "0"}

    def client_with(self, key: str) -> openai.OpenAI:
        client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{self.daemon.port}/v1",
            api_key=key,
            max_retries=0,
            timeout=10,
        )
        self.addCleanup(client.close)
        return client


class AnswerTests(SdkTestCase):
    def test_an_unstreamed_answer(self) -> None:
        for model in ("gpt-4o", "claude-3-5-sonnet@20240620", "claude-3-5-sonnet-20240620"):
            answer = self.client.chat.completions.create(model=model, messages=HELLO)
            self.assertEqual((answer.object, answer.model), ("chat.completion", model))
            (choice,) = answer.choices
            assert choice.message.content is not None
            self.assertTrue(choice.message.content.endswith("says: hello there"))
            self.assertEqual((choice.finish_reason, choice.message.role), ("stop", "assistant"))
            assert answer.usage is not None
            self.assertGreater(answer.usage.prompt_tokens, 2)
            self.assertGreater(answer.usage.completion_tokens, 10)
            self.assertEqual(
                answer.usage.total_tokens,
                answer.usage.prompt_tokens + answer.usage.completion_tokens,
            )

    def test_a_streamed_answer_is_the_same_as_an_unstreamed_one(self) -> None:
        for model in ("gpt-4o", "gemini-1.5-pro"):
            whole = self.client.chat.completions.create(model=model, messages=HELLO)
            chunks = list(
                self.client.chat.completions.create(model=model, messages=HELLO, stream=True)
            )
            self.assertEqual(text_of(chunks), whole.choices[0].message.content)
            self.assertEqual(finish_reasons(chunks), ["stop"])
            self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
            self.assertEqual(len({chunk.id for chunk in chunks}), 1)
            self.assertEqual([chunk.usage for chunk in chunks if chunk.usage], [])

    def test_the_usage_of_a_stream_is_that_of_the_whole_answer(self) -> None:
        whole = self.client.chat.completions.create(model="gpt-4", messages=HELLO)
        *chunks, last = self.client.chat.completions.create(
            model="gpt-4", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        self.assertEqual(last.choices, [])
        self.assertEqual(last.usage, whole.usage)
        self.assertEqual([chunk.usage for chunk in chunks if chunk.usage], [])

    def test_the_helper_that_gathers_a_stream_gets_the_whole_answer(self) -> None:
        with self.client.chat.completions.stream(model="gpt-4o", messages=HELLO) as stream:
            answer = stream.get_final_completion()
        content = answer.choices[0].message.content
        assert content is not None
        self.assertTrue(content.endswith("says: hello there"))
        self.assertEqual(answer.choices[0].finish_reason, "stop")

    def test_two_choices(self) -> None:
        answer = self.client.chat.completions.create(model="gpt-4o", messages=HELLO, n=2)
        first, second = answer.choices
        self.assertEqual((first.index, second.index), (0, 1))
        self.assertEqual(first.message.content, second.message.content)
        chunks = list(
            self.client.chat.completions.create(model="gpt-4o", messages=HELLO, n=2, stream=True)
        )
        for choice in (0, 1):
            self.assertEqual(text_of(chunks, choice), first.message.content)
        self.assertEqual(finish_reasons(chunks), ["stop", "stop"])

    def test_a_stop_ends_the_answer_before_it(self) -> None:
        for stop in ("hello", ["nowhere", "says: hello"]):
            answer = self.client.chat.completions.create(model="gpt-4o", messages=HELLO, stop=stop)
            content = answer.choices[0].message.content
            chunks = list(
                self.client.chat.completions.create(
                    model="gpt-4o", messages=HELLO, stop=stop, stream=True
                )
            )
            assert content is not None
            self.assertIn("Message 1 of this conversation", content)
            self.assertNotIn("hello", content)
            self.assertEqual(text_of(chunks), content)
            self.assertEqual(answer.choices[0].finish_reason, "stop")
            self.assertEqual(finish_reasons(chunks), ["stop"])

    def test_a_token_limit_cuts_the_answer(self) -> None:
        for model in ("gpt-4o", "claude-3-opus@20240229"):
            answer = self.client.chat.completions.create(model=model, messages=HELLO, max_tokens=7)
            chunks = list(
                self.client.chat.completions.create(
                    model=model, messages=HELLO, max_completion_tokens=7, stream=True
                )
            )
            self.assertEqual(answer.choices[0].finish_reason, "length")
            assert answer.usage is not None
            self.assertEqual(answer.usage.completion_tokens, 7)
            self.assertEqual(text_of(chunks), answer.choices[0].message.content)
            self.assertEqual(finish_reasons(chunks), ["length"])

    def test_models(self) -> None:
        models = list(self.client.models.list())
        self.assertIn("gpt-4o", [model.id for model in models])
        for name in ("gpt-4o", "claude-3-opus@20240229", "claude-3-opus-20240229"):
            self.assertEqual(self.client.models.retrieve(name).id, name)

    def test_the_async_client(self) -> None:
        async def answers() -> None:
            client = openai.AsyncOpenAI(
                base_url=str(self.client.base_url), api_key=KEY, max_retries=0, timeout=10
            )
            async with client:
                whole = await client.chat.completions.create(model="gpt-4o", messages=HELLO)
                stream = await client.chat.completions.create(
                    model="gpt-4o", messages=HELLO, stream=True
                )
                chunks = [chunk async for chunk in stream]
                with self.assertRaises(openai.NotFoundError):
                    await client.models.retrieve("gpt-0")
                many = await asyncio.gather(
                    *(
                        client.chat.completions.create(model="gpt-4o", messages=asking(str(i)))
                        for i in range(20)
                    )
                )
            self.assertEqual(text_of(chunks), whole.choices[0].message.content)
            self.assertEqual(finish_reasons(chunks), ["stop"])
            for number, answer in enumerate(many):
                content = answer.choices[0].message.content
                assert content is not None
                self.assertTrue(content.endswith(f"says: {number}"))

        run(answers())


class ErrorTests(SdkTestCase):
    def settings(self) -> dict[str, str]:
        return super().settings() | {"MAX_RETRIES": "0"}

    def test_a_wrong_key(self) -> None:
        with self.assertRaises(openai.AuthenticationError) as caught:
            self.client_with("another").models.list()
        self.assertEqual(caught.exception.code, "invalid_api_key")

    def test_an_unknown_model(self) -> None:
        for stream in (False, True):
            with self.assertRaises(openai.NotFoundError) as caught:
                self.client.chat.completions.create(model="gpt-0", messages=HELLO, stream=stream)
            self.assertEqual(caught.exception.code, "model_not_found")
            self.assertEqual(caught.exception.param, "model")

    def test_a_parameter_that_can_not_be_honoured(self) -> None:
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model="gpt-4o", messages=HELLO, logprobs=True)
        self.assertEqual(caught.exception.param, "logprobs")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model="gpt-4o", messages=HELLO, temperature=9)
        self.assertEqual(caught.exception.param, "temperature")

    def test_a_prompt_over_the_limit(self) -> None:
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model="gpt-4", messages=asking("word " * 5000))
        self.assertEqual(caught.exception.code, "context_length_exceeded")

    def test_a_rate_limit_of_the_upstream(self) -> None:
        for stream in (False, True):
            with self.assertRaises(openai.RateLimitError):
                self.client.chat.completions.create(
                    model="gpt-4o", messages=asking("[[fault: code=429]]"), stream=stream
                )

    def test_a_broken_stream_is_an_error_and_never_a_finished_answer(self) -> None:
        for fault in ("status=INTERNAL", "status=UNAVAILABLE", "reset", "garbage", "code=439"):
            chunks: list[ChatCompletionChunk] = []
            with self.assertRaises(openai.APIError) as caught:
                for chunk in self.client.chat.completions.create(
                    model="gpt-4o", messages=asking(f"[[fault: after=3 {fault}]]"), stream=True
                ):
                    chunks.append(chunk)  # noqa: PERF402 those before the error count
            self.assertEqual(text_of(chunks), "This is the", fault)
            self.assertEqual(finish_reasons(chunks), [], fault)
            self.assertTrue(caught.exception.message, fault)

    def test_a_broken_stream_is_an_error_of_the_async_client_too(self) -> None:
        async def broken() -> None:
            client = openai.AsyncOpenAI(
                base_url=str(self.client.base_url), api_key=KEY, max_retries=0, timeout=10
            )
            chunks: list[ChatCompletionChunk] = []
            async with client:
                stream = await client.chat.completions.create(
                    model="gpt-4o", messages=asking("[[fault: after=3 reset]]"), stream=True
                )
                with self.assertRaises(openai.APIError):
                    async for chunk in stream:
                        chunks.append(chunk)  # noqa: PERF401 those before the error count
            self.assertEqual(text_of(chunks), "This is the")
            self.assertEqual(finish_reasons(chunks), [])

        run(broken())


class CancelTests(SynchronousTestCase):
    def test_a_stream_that_is_closed_early_cancels_the_call(self) -> None:
        upstream = start_upstream(self, ECHO_DELAY="0.05")
        daemon = start(self, **at(upstream))
        with openai.OpenAI(
            base_url=f"http://127.0.0.1:{daemon.port}/v1", api_key="none", max_retries=0
        ) as client:
            stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
            next(iter(stream))
            stream.close()
            upstream.wait_for("upstream call 1: .* cancelled", 1.0)
            daemon.wait_for("chat/completions -> 200 .* cancelled")


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run it on an event loop of its own, for a bounded time."""
    asyncio.run(asyncio.wait_for(coroutine, 20))
