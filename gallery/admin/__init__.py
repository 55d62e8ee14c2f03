"""The operator's pages: every row can be read, none that is derived can be changed, and a few can be used."""

from gallery.admin import audit, epochs, mirror, people, withholdings, works

__all__ = ["audit", "epochs", "mirror", "people", "withholdings", "works"]
