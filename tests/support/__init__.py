"""What several tests need: files to read, oracles to compare with, ways to damage things."""
