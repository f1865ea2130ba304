"""A generated year: invented cases that go through the same commands as real ones, and are written in bulk."""
