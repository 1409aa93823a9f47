"""Pause and resume the AI spending of a use case, with a deny policy on its IAM roles. See docs/control.md."""
