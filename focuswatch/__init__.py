"""focuswatch: run SQL detections on FOCUS billing data, and notify the owner of each finding."""

__version__ = "0.1.0"
