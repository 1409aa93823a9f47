"""Findings: fields, amounts, severity, root cause, texts, commands, and the rule that groups them into incidents."""
