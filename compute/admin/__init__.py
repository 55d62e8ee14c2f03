"""The painters' pages of the desk: every row can be read, none can be changed."""

from compute.admin import mirror, works

__all__ = ["mirror", "works"]
