"""The benchmark harness: `python -m bench`, described in docs/benchmarks.md."""
