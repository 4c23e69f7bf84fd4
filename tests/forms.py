"""Forms as a browser sends them."""

from html.parser import HTMLParser


class Form(HTMLParser):
    """What a browser would send of the fields of a page of the admin."""

    def __init__(self, text):
        super().__init__()
        self.values, self.select, self.area = {}, None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """A field, or an option of one."""
        given = dict(attrs)
        name = given.get("name")
        if tag == "input" and name and given.get("type") not in ("submit", "file"):
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.values.setdefault(name, []).append(
                    given.get("value", "on" if "checked" in given else "")
                )
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and "selected" in given:
            self.values.setdefault(self.select, []).append(given.get("value", ""))
        elif tag == "textarea":
            self.area = name
            self.values[name] = [""]

    def handle_endtag(self, tag):
        """Its end."""
        self.select = None if tag == "select" else self.select
        self.area = None if tag == "textarea" else self.area

    def handle_data(self, data):
        """The text of a large field."""
        if self.area:
            self.values[self.area][0] += data
