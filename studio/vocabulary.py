"""Words that the default model was trained on, for forms and suggestions; any others may be voted in too."""

from __future__ import annotations

FAMILY_GROUPS: dict[str, tuple[str, ...]] = {
    "flow": ("flowing silk", "marbled ink", "drifting smoke", "liquid currents"),
    "ridges": ("layered mountains", "misty ridges", "rolling dunes"),
    "cells": ("stained glass cells", "voronoi cells", "cracked glaze"),
    "ripples": ("interference ripples", "concentric waves", "moire rings"),
    "tiles": ("truchet tiles", "a labyrinth of arcs", "woven arcs"),
    "orbs": ("floating orbs", "planets", "soft spheres", "bubbles"),
    "blocks": ("bauhaus blocks", "colour field rectangles", "a mondrian grid"),
    "fractal": ("a julia fractal", "fractal filigree", "infinite spirals"),
    "mandala": ("a mandala", "a kaleidoscope", "a rosette"),
    "strokes": ("brush strokes", "swirling brushwork", "impasto strokes"),
    "coral": ("coral labyrinth", "turing patterns", "leopard spots"),
    "nebula": ("a nebula", "cosmic dust", "a starfield"),
    "petals": ("petals", "an unfolding flower", "a blossom"),
    "ribbons": ("folded ribbons", "ribbons of light", "woven ribbons"),
    "rays": ("radiant rays", "a sunburst", "beams of light"),
    "shards": ("crystal shards", "low poly facets", "broken mirrors"),
}

FAMILIES: tuple[str, ...] = tuple(phrase for phrases in FAMILY_GROUPS.values() for phrase in phrases)

JOINS: tuple[str, ...] = ("dissolving into", "above", "inside", "woven with")
"""How two families are put together in a prompt: "misty ridges above flowing silk"."""

MOODS: tuple[str, ...] = (
    *("sparse", "minimal", "dense", "intricate", "calm", "still", "turbulent", "wild"),
    *("glowing", "dim", "high contrast", "grainy", "mirrored"),
)

COLOURS: dict[str, str] = {
    "black": "#0b0b0f",
    "charcoal": "#26262c",
    "slate": "#4a5568",
    "silver": "#b8bec6",
    "white": "#f7f5f0",
    "cream": "#f3e7cf",
    "ivory": "#fbf3df",
    "crimson": "#b3122f",
    "red": "#d7263d",
    "scarlet": "#f03a17",
    "coral": "#ff7a66",
    "rose": "#e8809a",
    "pink": "#f7a8c4",
    "magenta": "#c2188b",
    "purple": "#5b2a86",
    "violet": "#7c4dff",
    "lavender": "#b9a7e6",
    "indigo": "#2a2a72",
    "navy": "#0d1b3e",
    "blue": "#1f5fbf",
    "azure": "#3aa0e8",
    "cyan": "#22d3ee",
    "teal": "#0f766e",
    "turquoise": "#40c9b4",
    "mint": "#a8e6cf",
    "green": "#2f8f4e",
    "emerald": "#0b8457",
    "olive": "#6b7031",
    "lime": "#b5e61d",
    "yellow": "#f9d423",
    "gold": "#d4a017",
    "amber": "#f59e0b",
    "orange": "#f2711c",
    "copper": "#b5652a",
    "terracotta": "#c1583a",
    "brown": "#5c3a21",
    "sand": "#dcc29a",
    "ochre": "#c58b2b",
}

_PALETTE_COLOURS: dict[str, str] = {
    "ember": "black crimson scarlet amber cream",
    "ocean": "navy blue teal turquoise ivory",
    "forest": "black emerald green olive mint",
    "dusk": "indigo purple magenta coral sand",
    "aurora": "black indigo teal lime cyan",
    "ink": "white silver slate charcoal black",
    "sepia": "ivory sand ochre brown black",
    "pastel": "cream pink lavender mint azure",
    "neon": "black violet magenta cyan yellow",
    "desert": "sand terracotta copper brown azure",
    "ice": "white azure silver blue navy",
    "gilded": "black charcoal gold amber ivory",
    "bauhaus": "cream red blue yellow black",
    "verdigris": "charcoal copper turquoise mint cream",
    "orchard": "olive green lime yellow red",
    "bloom": "emerald mint pink rose crimson",
    "storm": "charcoal slate navy silver white",
    "sunset": "navy purple scarlet orange yellow",
}

PALETTES: dict[str, list[str]] = {
    name: [COLOURS[colour] for colour in colours.split()] for name, colours in _PALETTE_COLOURS.items()
}
"""The five colours of each palette as #rrggbb, from the first stop of its gradient to the last."""
