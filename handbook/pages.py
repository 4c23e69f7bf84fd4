"""Which pages the site has besides those of docs/, and where their links lead in it."""

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Texts that stand elsewhere, by the address they have in the site.
TEXTS = {
    "tutorial.md": "exercises/12/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
# Written from the code each time, so that they cannot be stale.
GENERATED = ("commands.md", "rest.md")

FENCE = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
# A link that is called by the name of its file.
NAMED = re.compile(r"\[[\w/-]+\.md\]\(([\w/.-]+\.md)(#[^)\s]*)?\)")
# What GitHub takes for the begin of a list or a table, and Markdown by its book only behind an empty line.
ITEM = re.compile(r"(?:[-*] |\d+\. )")


def place(path):
    """Where a file of the repository stands in the site; ``path`` is relative to the root."""
    for target, source in TEXTS.items():
        if source == path:
            return target
    return path.removeprefix("docs/") if path.startswith("docs/") else f"source/{path}"


def name_source(target):
    """The file of the repository that a page of the site is made from."""
    return TEXTS.get(target, f"docs/{target}")


def resolve(link, source):
    """A link of a file, as a path from the root of the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), link))


def list_files():
    """The files outside of docs/ that pages lead to and that are no pages, as paths from the root."""
    pages = [*TEXTS.values(), *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
    links = {resolve(link, page) for page in pages for link, _ in LINK.findall((ROOT / page).read_text())}
    return sorted(path for path in links if place(path).startswith("source/"))


def read_title(path):
    """The title of a page, by its path from the root."""
    return (ROOT / path).read_text().partition("\n")[0].removeprefix("# ")


def name_links(text, source):
    """The text with its links to pages by their titles: a site shows no files."""

    def name(match):
        return f"[{read_title(resolve(match[1], source))}]({match[1]}{match[2] or ''})"

    return NAMED.sub(name, text)


def move_links(text, target):
    """The text of a page with its links as they lead in the site, and as pages are called there."""
    source, folder = name_source(target), posixpath.dirname(target)

    def move(match):
        path = posixpath.relpath(place(resolve(match[1], source)), folder or ".")
        return f"]({path}{match[2] or ''})"

    parts = FENCE.split(text)
    return "".join(
        part if at % 2 else LINK.sub(move, name_links(part, source)) for at, part in enumerate(parts)
    )


def space_out(text):
    """The text with an empty line before each list and table, as Markdown by its book wants it."""
    lines, fenced = [], False
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        begins = any(
            is_one(line) and before and not before.startswith(" ") and not is_one(before)
            for is_one in (ITEM.match, lambda text: text.startswith("|"))
        )
        if begins and not fenced:
            lines.append("")
        fenced ^= line.lstrip().startswith("```")
        lines.append(line)
    return "\n".join(lines)
