"""Delivery by e-mail through Amazon SES: one mail per notification, or a digest where there are many."""
