"""Tools for authors of detections: check the catalog, run test cases, and create the files of a new detection."""
