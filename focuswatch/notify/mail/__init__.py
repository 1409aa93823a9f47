"""Deliver notifications by email through Amazon SES: one email per notification, or a digest when there are many."""
