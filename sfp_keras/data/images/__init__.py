"""Images: decoded, resized, cropped, made grey or RGB, kept in a file."""
