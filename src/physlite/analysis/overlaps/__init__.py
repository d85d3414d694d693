"""What `physlite.analysis.overlap` is made of."""
