"""Tools for authors of detections: check the catalog, run cases, and scaffold a new detection."""
