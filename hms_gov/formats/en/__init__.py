"""English, the language of the site."""
