"""The Responses API over HTTP, with a store of its own."""

import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from piecesd.chat import ChatEvent, Delta, Finished, Message
from piecesd.errors import StoreUnavailable, UpstreamBroken
from piecesd.store.file import ResponseFile, StoredResponse, StoreLimits
from tests.http.scripted_completions import ANSWER, USAGE
from tests.http.wire import Connection, Response, WireTestCase, request_bytes

PATH = "/v1/responses"
LIMITS = StoreLimits(max_responses=100, max_bytes=1 << 20, max_age_seconds=1000)
EVENTS: list[Sequence[ChatEvent]] = [[Delta(0, "Hello")], [Finished(0, "stop"), USAGE], []]


class StoreOfTest:
    """Stores at once, unless it is ``sick`` or ``slow``."""

    def __init__(self, file: ResponseFile) -> None:
        self._file = file
        self.sick = False
        self.slow: Deferred[None] | None = None
        self.saved: list[StoredResponse] = []

    async def save(self, record: StoredResponse) -> None:
        await self._wait()
        self._file.save(record)
        self.saved.append(record)

    async def find(self, response_id: str, holder: str) -> StoredResponse | None:
        await self._wait()
        return self._file.find(response_id, holder)

    async def find_by_item(self, item_id: str, holder: str) -> StoredResponse | None:
        await self._wait()
        return self._file.find_by_item(item_id, holder)

    async def delete(self, response_id: str, holder: str) -> bool:
        await self._wait()
        return self._file.delete(response_id, holder)

    async def _wait(self) -> None:
        if self.slow is not None:
            await self.slow
        if self.sick:
            raise StoreUnavailable(retry_after_seconds=1)


def creation(*headers: str, path: str = PATH, **fields: Any) -> bytes:
    body = json.dumps({"model": "gpt-4o", "input": "Hi"} | fields).encode()
    return request_bytes("POST", path, body, ["content-type: application/json", *headers])


def event_names(response: Response) -> list[str]:
    lines = response.body.decode().splitlines()
    return [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]


class ResponsesTestCase(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        file = ResponseFile(None, LIMITS, self.clock.seconds)
        file.open()
        self.addCleanup(file.close)
        self.kept = StoreOfTest(file)
        self.store = self.kept
        self.serve()
        self.completions.script = [ANSWER]

    def create(self, *headers: str, **fields: Any) -> Any:
        """The JSON of a response that is made."""
        response = self.exchange(creation(*headers, **fields))
        self.assertEqual(response.status, 200, response.body)
        return response.json()

    def begin_stream(self, **fields: Any) -> Connection:
        self.completions.script = []
        connection = self.connect()
        connection.send(creation(stream=True, **fields))
        return connection

    def messages(self) -> list[tuple[str, str]]:
        """Roles and texts of what the model was given last."""
        given = self.completions.begun[-1].request.messages
        return [(message.role, message.text) for message in given]


class CreationTests(ResponsesTestCase):
    def test_a_response_is_sent_and_can_be_had_again(self) -> None:
        made = self.create(metadata={"a": "b"})
        self.assertEqual((made["object"], made["store"]), ("response", True))
        self.assertEqual(made["output"][0]["content"][0]["text"], "Hello")
        again = self.get(f"{PATH}/{made['id']}")
        self.assertEqual((again.status, again.json()), (200, made))

    def test_it_goes_on_from_the_previous_response(self) -> None:
        first = self.create(instructions="Be brief.")
        second = self.create(input="And?", previous_response_id=first["id"])
        said = [("user", "Hi"), ("assistant", "Hello"), ("user", "And?")]
        self.assertEqual(self.messages(), said)
        self.assertEqual(second["previous_response_id"], first["id"])
        self.create(input="So?", previous_response_id=second["id"])
        self.assertEqual(self.messages(), [*said, ("assistant", "Hello"), ("user", "So?")])

    def test_it_goes_on_though_what_came_before_was_deleted(self) -> None:
        first = self.create()
        second = self.create(input="And?", previous_response_id=first["id"])
        self.exchange(request_bytes("DELETE", f"{PATH}/{first['id']}"))
        self.create(input="So?", previous_response_id=second["id"])
        self.assertEqual(len(self.messages()), 5)

    def test_a_previous_response_that_is_not_there_is_named(self) -> None:
        response = self.exchange(creation(previous_response_id="resp_0"))
        self.assertEqual(response.status, 400)
        error = response.error
        self.assertEqual(error["code"], "previous_response_not_found")
        self.assertEqual(error["param"], "previous_response_id")
        self.assertEqual(self.completions.begun, [])

    def test_a_reference_stands_for_a_stored_item(self) -> None:
        made = self.create()
        reference = {"type": "item_reference", "id": made["output"][0]["id"]}
        self.create(input=[reference, {"role": "user", "content": "Again."}])
        self.assertEqual(self.messages(), [("assistant", "Hello"), ("user", "Again.")])
        missing = self.exchange(creation(input=[{"type": "item_reference", "id": "msg_0"}]))
        self.assertEqual((missing.status, missing.error["code"]), (404, "item_not_found"))
        self.assertEqual(missing.error["param"], "input[0]")

    def test_one_that_is_not_to_be_stored_is_not(self) -> None:
        made = self.create(store=False)
        self.assertFalse(made["store"])
        self.assertEqual(self.get(f"{PATH}/{made['id']}").status, 404)

    def test_a_model_may_stand_in_the_path(self) -> None:
        self.serve(enable_model_route=True)
        response = self.exchange(creation(path="/gpt-4o/v1/responses", model=""))
        made = response.json()
        self.assertEqual(made["model"], "gpt-4o")
        self.assertEqual(self.get(f"/gpt-4o/v1/responses/{made['id']}").json(), made)

    def test_errors_have_the_shape_of_the_api(self) -> None:
        response = self.exchange(creation(background=True))
        self.assertEqual((response.status, response.error["param"]), (400, "background"))


class StreamTests(ResponsesTestCase):
    def test_a_stream_ends_with_the_response_that_is_stored(self) -> None:
        connection = self.begin_stream()
        for batch in EVENTS:
            self.completions.begun[0].give(batch)
        response = connection.response()
        self.assertEqual(event_names(response)[-1], "response.completed")
        (record,) = self.kept.saved
        last = json.loads(response.body.split(b"\ndata: ")[-2])
        self.assertEqual(json.loads(record.response), last["response"])
        self.assertEqual(self.get(f"{PATH}/{record.id}").json(), last["response"])

    def test_the_last_event_does_not_wait_for_the_store(self) -> None:
        connection = self.begin_stream()
        self.kept.slow = Deferred()
        for batch in EVENTS:
            self.completions.begun[0].give(batch)
        self.assertEqual(event_names(connection.response())[-1], "response.completed")
        self.assertEqual(self.kept.saved, [])
        self.kept.slow.callback(None)
        self.assertEqual(len(self.kept.saved), 1)

    def test_one_that_breaks_off_fails_and_is_not_stored(self) -> None:
        connection = self.begin_stream()
        self.completions.begun[0].give(EVENTS[0])
        self.completions.begun[0].give(UpstreamBroken(detail="cut"))
        response = connection.response()
        self.assertEqual(event_names(response)[-1], "response.failed")
        self.assertEqual(self.kept.saved, [])
        (line,) = self.access_lines()
        self.assertEqual(line["outcome"], "broken")

    def test_one_whose_client_leaves_is_not_stored(self) -> None:
        connection = self.begin_stream()
        self.completions.begun[0].give(EVENTS[0])
        connection.leave()
        self.assertTrue(self.completions.begun[0].cancelled)
        self.assertEqual(self.kept.saved, [])

    def test_one_that_can_not_be_stored_is_sent_all_the_same(self) -> None:
        connection = self.begin_stream()
        self.kept.sick = True
        for batch in EVENTS:
            self.completions.begun[0].give(batch)
        self.assertEqual(event_names(connection.response())[-1], "response.completed")
        self.assertTrue(connection.open)

    def test_one_that_the_limit_cut_is_stored_as_such(self) -> None:
        connection = self.begin_stream()
        completion = self.completions.begun[0]
        completion.give(EVENTS[0])
        completion.give([Finished(0, "length"), USAGE])
        completion.give([])
        self.assertEqual(event_names(connection.response())[-1], "response.incomplete")
        (record,) = self.kept.saved
        self.assertEqual(json.loads(record.response)["status"], "incomplete")


class StoredTests(ResponsesTestCase):
    def test_input_items_are_listed_page_by_page(self) -> None:
        first = self.create(input=[{"role": "user", "content": text} for text in ("a", "b")])
        second = self.create(input="c", previous_response_id=first["id"])
        path = f"{PATH}/{second['id']}/input_items"

        def texts(query: str) -> list[str]:
            data = self.get(path + query).json()["data"]
            return [item["content"][0]["text"] for item in data]

        self.assertEqual(texts(""), ["c", "Hello", "b", "a"])
        self.assertEqual(texts("?order=asc&limit=2"), ["a", "b"])
        after = self.get(path + "?order=asc&limit=2").json()["last_id"]
        self.assertEqual(texts(f"?order=asc&after={after}"), ["Hello", "c"])
        refused = self.get(path + "?limit=1000")
        self.assertEqual((refused.status, refused.error["param"]), (400, "limit"))

    def test_one_that_is_deleted_is_gone(self) -> None:
        made = self.create()
        path = f"{PATH}/{made['id']}"
        deleted = self.exchange(request_bytes("DELETE", path))
        self.assertEqual((deleted.status, deleted.json()["deleted"]), (200, True))
        for response in (
            self.get(path),
            self.get(f"{path}/input_items"),
            self.exchange(request_bytes("DELETE", path)),
        ):
            self.assertEqual((response.status, response.error["code"]), (404, "response_not_found"))

    def test_one_of_another_key_is_not_there(self) -> None:
        self.serve(api_keys=("one", "two"))
        mine, other = "authorization: Bearer one", "authorization: Bearer two"
        made = self.create(mine)
        path = f"{PATH}/{made['id']}"
        for response in (
            self.get(path, other),
            self.get(f"{path}/input_items", other),
            self.exchange(request_bytes("DELETE", path, headers=[other])),
        ):
            self.assertEqual(response.status, 404)
        following = self.exchange(creation(other, previous_response_id=made["id"]))
        self.assertEqual(following.error["code"], "previous_response_not_found")
        reference = {"type": "item_reference", "id": made["output"][0]["id"]}
        self.assertEqual(self.exchange(creation(other, input=[reference])).status, 404)
        self.assertEqual(self.get(path).status, 401)
        self.assertEqual(self.get(path, mine).json(), made)
        self.assertEqual(self.get(path, "x-api-key: one").json(), made)

    def test_a_stored_response_is_not_streamed(self) -> None:
        made = self.create()
        response = self.get(f"{PATH}/{made['id']}?stream=true")
        self.assertEqual((response.status, response.error["param"]), (400, "stream"))

    def test_what_there_is_not_is_an_error_of_the_api(self) -> None:
        self.assertEqual(self.get(f"{PATH}/resp_0/cancel").error["code"], "unknown_url")
        self.assertEqual(self.get(PATH).error["code"], "method_not_allowed")


class SickStoreTests(ResponsesTestCase):
    def test_it_is_told_that_the_store_can_not_be_used(self) -> None:
        made = self.create()
        self.kept.sick = True
        path = f"{PATH}/{made['id']}"
        for response in (
            self.exchange(creation()),
            self.exchange(creation(previous_response_id=made["id"])),
            self.get(path),
            self.get(f"{path}/input_items"),
            self.exchange(request_bytes("DELETE", path)),
        ):
            self.assertEqual(response.status, 503)
            self.assertEqual(response.error["code"], "store_unavailable")
            self.assertIn("retry-after", response.headers)

    def test_what_needs_no_store_is_answered(self) -> None:
        self.kept.sick = True
        self.assertFalse(self.create(store=False)["store"])


class WithoutStoreTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.completions.script = [ANSWER]

    def test_responses_are_made_and_say_that_they_are_not_stored(self) -> None:
        made = self.exchange(creation()).json()
        self.assertFalse(made["store"])
        path = f"{PATH}/{made['id']}"
        for response in (self.get(path), self.exchange(request_bytes("DELETE", path))):
            self.assertEqual(response.error["code"], "response_not_found")
        self.assertEqual(
            self.completions.begun[0].request.messages, (Message(role="user", text="Hi"),)
        )

    def test_what_needs_a_store_is_refused_by_name(self) -> None:
        for fields, param in (
            ({"store": True}, "store"),
            ({"previous_response_id": "resp_0"}, "previous_response_id"),
            ({"input": [{"type": "item_reference", "id": "msg_0"}]}, "input[0]"),
        ):
            response = self.exchange(creation(**fields))
            error = response.error
            self.assertEqual((response.status, error["param"]), (400, param))
            self.assertEqual(error["code"], "unsupported_parameter")

    def test_a_conversation_that_is_not_stored_is_never_left_out(self) -> None:
        self.serve(ignore_unsupported_params=True)
        self.assertEqual(self.exchange(creation(store=True)).status, 200)
        response = self.exchange(creation(previous_response_id="resp_0"))
        self.assertEqual(response.status, 400)
