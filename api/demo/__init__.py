"""The demonstration: journeys of invented persons, played over HTTP against a server of its own."""
