"""How dates and times are written in the admin; Django finds them by the language."""
