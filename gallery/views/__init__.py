"""The artwork over HTTP: `pages` for people, `images` for pictures, `health` for machines."""
