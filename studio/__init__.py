"""The studio: recipe in, picture out. Plain Python; knows no chain, no vote and no web page."""
