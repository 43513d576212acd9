"""The console takes lines, and its troubles are nobody else's."""

import os
import sys

from twisted.trial.unittest import SynchronousTestCase

from piecesd.logs import Console
from tests.logs.sinks import Sink


class ConsoleTests(SynchronousTestCase):
    def test_a_line_goes_out_at_once(self) -> None:
        sink = Sink()
        Console(sink).write(b"line\n")
        self.assertEqual(sink.written, b"line\n")

    def test_a_sink_that_takes_little_gets_the_rest_too(self) -> None:
        sink = Sink(most=2)
        Console(sink).write(b"line\n")
        self.assertEqual(sink.written, b"line\n")

    def test_a_sink_that_takes_nothing_loses_the_line(self) -> None:
        sink = Sink(most=0)
        Console(sink).write(b"line\n")
        self.assertEqual(sink.written, b"")

    def test_a_broken_or_closed_sink_is_no_error(self) -> None:
        for error in (BrokenPipeError(), ValueError("closed")):
            sink = Sink(error=error)
            Console(sink).write(b"line\n")
            self.assertEqual(sink.calls, 1)

    def test_without_a_sink_nothing_happens(self) -> None:
        Console(None).write(b"line\n")

    def test_that_of_the_process_outlives_a_redirected_stdout(self) -> None:
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with os.fdopen(writer, "w") as stream:
            self.patch(sys, "__stdout__", stream)
            self.patch(sys, "stdout", None)
            Console.of_process().write(b"line\n")
            self.assertEqual(os.read(reader, 100), b"line\n")

    def test_a_process_without_a_standard_output_has_a_mute_console(self) -> None:
        self.patch(sys, "__stdout__", None)
        Console.of_process().write(b"line\n")
