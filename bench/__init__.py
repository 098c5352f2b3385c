"""Benchmarks: each starts an installation of its own on loopback, loads it, and prints JSON lines."""
