"""Benchmarks, each next to a lower bound for the same work, so that ratios can be compared between
machines. Nothing here is a test: nothing fails because it is slow.
"""
