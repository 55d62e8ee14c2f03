"""The operator's pages: every row can be read, none that is derived can be changed, and a few can be used."""

from django.contrib import admin

from gallery.admin import audit, epochs, mirror, people, withholdings, works

admin.site.index_title = "The desk"
admin.site.site_header = admin.site.site_title = "Murmuration"

__all__ = ["audit", "epochs", "mirror", "people", "withholdings", "works"]
