"""The painters' pages of the desk: every row can be read, none can be changed."""

from compute.admin import works

__all__ = ["works"]
