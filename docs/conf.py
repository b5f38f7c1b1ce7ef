"""The documentation site: `python -m sphinx -W -b html docs build/site`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_site"))

import labelsmooth  # noqa: E402

project = "labelsmooth"
author = "the labelsmooth authors"
copyright = "the labelsmooth authors, Apache-2.0"
version = release = labelsmooth.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docstrings", "members", "pages", "study"]
exclude_patterns = ["_site", "images"]
root_doc = "index"

html_theme = "furo"
html_title = f"labelsmooth {release}"
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark-high-contrast"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_url_schemes = {"http": None, "https": None, "site": "{{path}}"}

default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
python_maximum_signature_line_length = 88
napoleon_custom_sections = [("Shapes", "notes_style"), ("Source", "notes_style"), ("Units", "notes_style")]
napoleon_use_rtype = False
nitpicky = False
suppress_warnings = ["myst.header"]  # tables pasted from `report --format md` begin at the third level
