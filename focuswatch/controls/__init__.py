"""Pause and resume the spending of a use case: a deny policy on the roles that it names. See docs/control.md."""
