"""What the bytes are: file formats, and the manifest that both of them become."""
