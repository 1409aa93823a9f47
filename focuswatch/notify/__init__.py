"""Publish pending notifications, and deliver them to each channel in order and without losing any after a failure.

A channel that can be read (Slack with a bot, Jira) gets each notification exactly once. A channel that can only be
posted to, such as Teams, may get a notification twice if a response is lost.
"""
