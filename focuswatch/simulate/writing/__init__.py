"""Write planned lines as the files of an AWS data export."""
