"""Template tags of the design system; `{% load look %}` in any template of the web client or the panel."""
