"""Benchmarks: each compares with a baseline side by side and prints Markdown tables."""
