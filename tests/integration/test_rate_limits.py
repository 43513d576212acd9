"""Rate limits with real daemons, a real Redis and the official SDK."""

import time
from threading import Event, Thread
from unittest import SkipTest

import openai
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import Daemon, eventually, run_directory, start
from tests.integration.redis_server import RedisServer
from tests.integration.web import chat, get, open_chat, stream_chat

COUNTS = r"Redis at 127\.0\.0\.1:\d+ counts the rate limits"
AWAY = r"Redis at 127\.0\.0\.1:\d+ does not answer"
BACK = f"{COUNTS} again"
PLACES = b"KEYS piecesd/places/*"


def statuses(daemons: list[Daemon], rounds: int) -> list[int]:
    """Of requests to each of the daemons in turn."""
    return [get(each.port, "/v1/models").status for _ in range(rounds) for each in daemons]


class Load:
    """Four clients that ask ``daemon`` again and again, as long as it is entered.

    ``statuses`` is what they got.
    """

    def __init__(self, daemon: Daemon) -> None:
        self.statuses: list[int] = []
        self.slowest_seconds = 0.0
        self._port = daemon.port
        self._over = Event()
        self._clients = [Thread(target=self._ask, daemon=True) for _ in range(4)]

    def _ask(self) -> None:
        while not self._over.wait(0.01):
            began = time.monotonic()
            self.statuses.append(get(self._port, "/v1/models").status)
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)

    def __enter__(self) -> "Load":
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        for client in self._clients:
            client.join()


class LimitTests(SynchronousTestCase):
    def test_the_sdk_sees_a_rate_limit_error_and_how_it_stands(self) -> None:
        daemon = start(self, STRICT_RATE_LIMIT="1", STRICT_RATE_LIMIT_WINDOW="3600", ECHO_DELAY="0")
        client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{daemon.port}/v1", api_key="any", max_retries=0, timeout=10
        )
        self.addCleanup(client.close)

        def ask() -> openai.types.chat.ChatCompletion:
            return client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
            )

        self.assertEqual(ask().choices[0].finish_reason, "stop")
        with self.assertRaises(openai.RateLimitError) as caught:
            ask()
        error, headers = caught.exception, caught.exception.response.headers
        self.assertEqual((error.code, error.type), ("rate_limit_exceeded", "requests"))
        self.assertEqual(headers["x-ratelimit-limit-requests"], "1")
        self.assertEqual(headers["x-ratelimit-remaining-requests"], "0")
        self.assertRegex(headers["x-ratelimit-reset-requests"], r"\A\d+h\d+m\d+s\Z")
        self.assertGreater(int(headers["retry-after"]), 1)
        self.assertGreater(len(client.models.list().data), 1)

    def test_a_daemon_that_is_limited_says_so_at_the_start(self) -> None:
        daemon = start(self, RATE_LIMIT="60")
        daemon.wait_for("Rate limits: requests 60 in 60s")
        self.assertEqual(get(daemon.port, "/v1/models").headers["x-ratelimit-limit-requests"], "60")

    def test_tokens_of_streams_are_counted_when_they_end(self) -> None:
        daemon = start(self, TOKEN_RATE_LIMIT="10", ECHO_DELAY="0")
        self.assertTrue(stream_chat(daemon.port, "hello").is_done)
        refused = chat(daemon.port, "hello", stream=True)
        self.assertEqual((refused.status, refused.error["type"]), (429, "tokens"))
        self.assertEqual(get(daemon.port, "/v1/models").status, 200)

    def test_a_client_has_so_many_requests_at_a_time_and_gets_each_place_back(self) -> None:
        daemon = start(self, MAX_CLIENT_REQUESTS="2", UPSTREAM_FAULTS="true", ECHO_DELAY="0")
        streams = [open_chat(daemon.port, "[[fault: after=3 stall]]", stream=True) for _ in "ab"]
        for stream in streams:
            stream.next_text()
        self.assertEqual(chat(daemon.port, "hello").status, 429)
        for stream in streams:
            stream.leave()
        self.assertTrue(eventually(lambda: chat(daemon.port, "hello").status == 200))

    def test_workers_of_one_machine_count_together(self) -> None:
        directory = run_directory(self)
        workers = [
            start(self, RATE_LIMIT="6", RATE_LIMIT_WINDOW="3600", **shared)
            for shared in [{"PIECESD_SHARED_DIRECTORY": str(directory)}] * 2
        ]
        self.assertEqual(statuses(workers, 4), [200] * 6 + [429] * 2)
        self.assertEqual(workers[0].matching("by each worker for itself"), [])

    def test_what_a_killed_worker_had_under_way_is_free(self) -> None:
        settings = {
            "PIECESD_SHARED_DIRECTORY": str(run_directory(self)),
            "MAX_CLIENT_REQUESTS": "1",
            "UPSTREAM_FAULTS": "true",
            "ECHO_DELAY": "0",
        }
        one, other = (start(self, **settings) for _ in range(2))
        stream = open_chat(one.port, "[[fault: after=3 stall]]", stream=True)
        stream.next_text()
        self.assertEqual(chat(other.port, "hello").status, 429)
        one.kill()
        stream.leave()
        self.assertEqual(chat(other.port, "hello").status, 200)


class RedisTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.redis = RedisServer(self)

    def start(self, **settings: str) -> Daemon:
        """A daemon that knows by now how the Redis is."""
        daemon = start(
            self, RATE_LIMIT_WINDOW="3600", REDIS_URL=self.redis.url, ECHO_DELAY="0", **settings
        )
        daemon.wait_for(f"{COUNTS}|{AWAY}")
        return daemon

    def test_daemons_count_together(self) -> None:
        daemons = [self.start(RATE_LIMIT="6") for _ in range(2)]
        self.assertEqual(statuses(daemons, 5), [200] * 6 + [429] * 4)
        self.assertNotEqual(self.redis.ask(b"DBSIZE"), b":0\r\n")

    def test_tokens_are_counted_together_too(self) -> None:
        one, other = (self.start(TOKEN_RATE_LIMIT="10") for _ in range(2))
        self.assertEqual(chat(one.port, "hello").status, 200)
        self.assertTrue(eventually(lambda: chat(other.port, "hello").status == 429))

    def test_requests_at_one_time_are_counted_together_and_by_each_while_it_is_away(self) -> None:
        daemons = [self.start(MAX_CLIENT_REQUESTS="2", UPSTREAM_FAULTS="true") for _ in range(2)]
        streams = [
            open_chat(each.port, "[[fault: after=3 stall]]", stream=True) for each in daemons
        ]
        for stream in streams:
            stream.next_text()
        self.assertTrue(eventually(lambda: statuses(daemons, 1) == [429] * 2))
        self.redis.stop()
        self.assertEqual(statuses(daemons, 3), [200] * 6)
        self.redis.start()
        for daemon in daemons:
            daemon.wait_for(BACK)
        self.assertTrue(eventually(lambda: statuses(daemons, 1) == [429] * 2))
        for stream in streams:
            stream.leave()
        self.assertTrue(eventually(lambda: statuses(daemons, 1) == [200] * 2))

    def test_a_daemon_that_stops_gives_back_what_it_held(self) -> None:
        daemon = self.start(MAX_CLIENT_REQUESTS="2", UPSTREAM_FAULTS="true", DRAIN_TIMEOUT="0")
        stream = open_chat(daemon.port, "[[fault: after=3 stall]]", stream=True)
        stream.next_text()
        self.assertTrue(eventually(lambda: b"/127.0.0.1" in self.redis.ask(PLACES)))
        daemon.stop()
        if daemon.matching(AWAY):
            raise SkipTest("this machine is too busy for Redis to answer in time")
        self.assertEqual(self.redis.ask(PLACES), b"*0\r\n")

    def test_keys_do_not_stand_there_in_clear(self) -> None:
        daemon = self.start(RATE_LIMIT="6", API_KEY="open-sesame", HOST="127.0.0.1")
        headers = {"Authorization": "Bearer open-sesame"}
        self.assertEqual(get(daemon.port, "/v1/models", headers).status, 200)
        stored = self.redis.ask(b"KEYS *")
        self.assertIn(b"/requests/", stored)
        self.assertNotIn(b"sesame", stored)

    def test_it_dies_and_comes_back_under_load(self) -> None:
        daemon = self.start(RATE_LIMIT="1000000")
        with Load(daemon) as load:
            self.redis.stop()
            daemon.wait_for(AWAY)
            self.redis.start()
            daemon.wait_for(BACK)
            self.assertTrue(eventually(lambda: b"/requests/" in self.redis.ask(b"KEYS *")))
        self.assertGreater(len(load.statuses), 10)
        self.assertEqual(set(load.statuses), {200})
        self.assertLess(load.slowest_seconds, 1)
        self.assertEqual((len(daemon.matching(AWAY)), len(daemon.matching(BACK))), (1, 1))

    def test_a_slow_one_delays_nobody_for_long(self) -> None:
        daemon = self.start(RATE_LIMIT="1000000")
        self.assertEqual(get(daemon.port, "/v1/models").status, 200)
        self.redis.pause(1.5)
        began = time.monotonic()
        self.assertEqual(get(daemon.port, "/v1/models").status, 200)
        self.assertLess(time.monotonic() - began, 1)
        daemon.wait_for(AWAY)
        began = time.monotonic()
        self.assertEqual(statuses([daemon], 10), [200] * 10)
        self.assertLess(time.monotonic() - began, 1)
        daemon.wait_for(BACK)

    def test_one_that_is_not_there_at_the_start_keeps_no_daemon_from_starting(self) -> None:
        self.redis.stop()
        daemon = self.start(RATE_LIMIT="1")
        daemon.wait_for(AWAY)
        self.assertEqual(statuses([daemon], 2), [200, 429])
