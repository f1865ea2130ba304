"""Whether two cases are about one person: asked by everybody alike, answered to nobody but who leads the older case."""
