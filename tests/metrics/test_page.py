from prometheus_client.parser import text_string_to_metric_families

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
        page = self.page()
        self.assertGreater(page["process_resident_memory_bytes"], 0)
        self.assertGreater(page["process_open_fds"], 0)

    def test_it_can_be_read_however_odd_a_label(self) -> None:
        self.metrics.count_request(finished(error_code='a"b\n\\', outcome="error"))
        self.page()
