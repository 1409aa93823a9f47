"""Once a day: how focuswatch itself is, to the FinOps channel."""
