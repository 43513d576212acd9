import struct

from prometheus_client.parser import text_string_to_metric_families

from piecesd.metrics import page
from piecesd.metrics.page import MetricsPage
from tests.metrics.test_metrics import MetricsTestCase, figures, finished


class PageTests(MetricsTestCase):
    def page(self) -> dict[str, float]:
        """The series without labels, by name."""
        text = MetricsPage(self.metrics, figures, None).render().decode()
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if not sample.labels
        }

    def test_it_has_the_figures_of_the_moment_it_is_asked_for(self) -> None:
        self.assertEqual(self.page()["piecesd_open_connections"], 7)

    def test_it_has_those_of_the_process(self) -> None:
        series = self.page()
        self.assertGreater(series["process_resident_memory_bytes"], 0)
        self.assertGreater(series["process_open_fds"], 0)

    def test_it_can_be_read_however_odd_a_label(self) -> None:
        self.metrics.count_request(finished(error_code='a"b\n\\', outcome="error"))
        self.page()

    def test_a_workers_file_that_is_not_filled_yet_is_waited_for(self) -> None:
        outcomes: list[bytes | Exception] = [struct.error(), struct.error(), b"whole"]

        def read(_registry: object) -> bytes:
            outcome = outcomes.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        self.patch(page, "generate_latest", read)
        self.assertEqual(MetricsPage(self.metrics, figures, None).render(), b"whole")
