"""What hands over to friends: other libraries and formats that a user comes from, or goes to."""
