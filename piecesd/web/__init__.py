"""The page for people: its document, style, script and words."""
