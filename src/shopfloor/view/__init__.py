"""Runs in the browser: a local page for people, read-only."""
