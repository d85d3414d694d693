"""What a physicist asks of events."""
