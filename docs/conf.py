"""Sphinx: the pages of this folder and the public names of the package, as one HTML manual (``make docs``)."""

from importlib.metadata import version as installed

project = "mechproof"
version = release = installed("mechproof")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "description"
html_theme = "alabaster"
html_theme_options = {"description": "Exact proofs about trained networks", "page_width": "75em"}
