"""The results monitoring framework as people read it: lines of a table, sheets, and a page."""
