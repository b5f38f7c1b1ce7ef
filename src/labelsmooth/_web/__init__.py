"""What the pages share: the style sheet `look.css`, strokes of SVG, the template engine, and how a page is written."""
