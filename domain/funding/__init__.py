"""What a service was planned to be, what it cost and who paid; awards of the Emergency Fund. Amounts are integers."""
