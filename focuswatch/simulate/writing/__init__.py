"""From lines to the files of an export."""
