from openapi_spec_validator import validate
from twisted.trial.unittest import SynchronousTestCase

from piecesd.openapi.document import Route
from piecesd.openapi.operations import OPERATIONS
from tests.openapi.served import document


class DocumentTests(SynchronousTestCase):
    def test_it_is_a_valid_description_however_the_daemon_is_set(self) -> None:
        validate(document())
        validate(document(keys=("API_KEY", "ADMIN_KEY", "METRICS_TOKEN"), ignore_unsupported=True))
        validate(document(models=(), routes=[Route(f"/{n}", "GET", n) for n in OPERATIONS]))

    def test_it_has_the_routes_there_are(self) -> None:
        paths = document(routes=[Route("/a", "GET", "ping"), Route("/a", "POST", "ban")])["paths"]
        self.assertEqual(
            {path: set(methods) for path, methods in paths.items()}, {"/a": {"get", "post"}}
        )

    def test_a_key_is_asked_for_where_one_is_set(self) -> None:
        def securities(of: dict[str, dict[str, dict[str, object]]]) -> dict[str, object]:
            return {
                path: operation.get("security")
                for path, operations in of["paths"].items()
                for operation in operations.values()
                if isinstance(operation, dict)
            }

        self.assertEqual(set(map(str, securities(document()).values())), {"None"})
        keyed = securities(document(keys=("API_KEY", "ADMIN_KEY")))
        self.assertEqual(keyed["/v1/models"], [{"bearer": []}, {"header": []}])
        self.assertEqual(keyed["/admin/bans"], [{"admin": []}])
        self.assertIsNone(keyed["/metrics"])
        self.assertIsNone(keyed["/ping"])

    def test_the_example_of_a_body_is_for_a_model_that_is_served(self) -> None:
        content = document(models=["gemini-pro"])["paths"]["/v1/completions"]["post"]
        example = content["requestBody"]["content"]["application/json"]["example"]
        self.assertEqual(example["model"], "gemini-pro")

    def test_errors_are_told_by_status_and_code(self) -> None:
        responses = document(keys=("API_KEY",))["paths"]["/v1/chat/completions"]["post"][
            "responses"
        ]
        self.assertEqual(responses["504"]["description"], "`upstream_timeout`")
        self.assertIn("`model_not_found`, `unknown_url`"[:17], responses["404"]["description"])
        self.assertEqual(
            responses["401"]["content"]["application/json"]["schema"],
            {"$ref": "#/components/schemas/openai_errors.ErrorBody"},
        )
