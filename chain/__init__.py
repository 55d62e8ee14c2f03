"""The chain, mirrored into the database. It knows blocks, logs, cursors and transactions; no vote and no
picture.
"""
