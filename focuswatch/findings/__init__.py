"""The finding: its fields, fingerprint, severity, explanation, and limits on its size."""
