"""What others, the law and the person call what happened, and as what the person is helped: each with its history."""
