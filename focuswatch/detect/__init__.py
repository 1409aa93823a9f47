"""Run detections over an open bill and turn their rows into findings."""
