"""What hands over to others: their files, and their frameworks."""
