"""Files on web servers: HTTP with ranges, many connections, retries, signed URLs."""
