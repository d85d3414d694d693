"""Grid proxies: what they say, where they are found, how other programs get to use them."""
