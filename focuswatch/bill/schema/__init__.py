"""Columns and types: of FOCUS exports, of the tables that detections read, and of those tables in AWS Glue."""
