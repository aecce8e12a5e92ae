"""Typed endpoints over HTTP: requests, routing, errors and the OpenAPI document."""
