"""Measurements, each beside the least that the same work could cost, so that the ratio tells more
than a figure of one machine could. Nothing here is a test: nothing fails because it is slow.
"""
