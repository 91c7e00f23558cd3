"""Runs in the browser: pages for people, served from their own machine; nothing is changed."""

__all__: list[str] = []
