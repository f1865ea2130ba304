"""Outcome indicators as data: what is measured, against which target, and what came out."""
