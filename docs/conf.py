"""Sphinx: ``make docs`` builds docs/_build/html; warnings are errors, the examples are run."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import figures  # noqa: E402
import reference  # noqa: E402

import refpose  # noqa: E402

project = "refpose"
copyright = "the refpose authors; Apache-2.0"
version = release = refpose.__version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.doctest"]
extensions += ["sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
nitpicky = False
html_theme = "furo"
html_extra_path = ["_figures/sample"]  # the sample report
(HERE / "_figures" / "sample").mkdir(parents=True, exist_ok=True)
html_title = "refpose"
html_show_sourcelink = False
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
doctest_test_doctest_blocks = "default"
doctest_global_setup = f"""
import os
os.chdir({str(HERE.parent)!r})
"""


def setup(app):
    """Draw the figures and write the pages that are made from the package, before the pages are read."""
    reference.write(HERE / "_figures")
    figures.draw_all(HERE.parent, HERE / "_figures")
