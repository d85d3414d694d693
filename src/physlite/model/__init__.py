"""What the columns mean: collections, their classes, events."""
