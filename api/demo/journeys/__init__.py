"""The journeys of the demonstration: one module for each, a function `play` that tells and does."""
