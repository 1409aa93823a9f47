"""Write lines as the files of an export."""
