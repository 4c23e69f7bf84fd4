"""What MkDocs calls as it builds the site: `make docs`."""

import os

import django
from mkdocs.structure.files import File

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms_gov.settings")
django.setup()

# Behind the set-up: the apps are there.
from drf_spectacular.renderers import OpenApiYamlRenderer  # noqa: E402

from handbook import commands, pages, rest  # noqa: E402


def on_files(files, config):
    """The pages of docs/, and those that stand elsewhere or are written from the code."""
    for target, source in pages.TEXTS.items():
        files.append(File.generated(config, target, content=(pages.ROOT / source).read_text()))
    for path in pages.list_files():
        files.append(File.generated(config, pages.place(path), content=(pages.ROOT / path).read_bytes()))
    schema = rest.read_schema()
    written = {"commands.md": commands.write_page(), "rest.md": rest.write_page(schema)}
    for target in pages.GENERATED:
        files.append(File.generated(config, target, content=written[target]))
    files.append(File.generated(config, "openapi.yaml", content=OpenApiYamlRenderer().render(schema)))
    return files


def on_page_markdown(markdown, page, config, files):
    """The text of a page as the site needs it."""
    target = page.file.src_uri
    return pages.space_out(markdown if target in pages.GENERATED else pages.move_links(markdown, target))
