"""What a month will have cost at its end: how costs go on, what is charged once a month, and what was planned."""
