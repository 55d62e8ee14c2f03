"""Thin views: read with selectors, act through actions, say what happened."""
