"""Demonstration mail: a deterministic corpus that the demo, tests and benchmarks share."""
