"""focuswatch: SQL detections over a FOCUS export, and findings that someone owns."""

__version__ = "0.1.0"
