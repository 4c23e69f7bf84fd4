"""The page of the commands, from their own parsers."""

from argparse import SUPPRESS

from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

INTRODUCTION = (
    "# Commands\n\nEvery command of `manage.py` that this project adds, as its own parser has it; "
    "`manage.py help COMMAND` says the same. Options that all commands of Django have are left out.\n"
)


def list_commands():
    """``{name: app}`` of the commands that the apps and the project add, in order."""
    ours = {config.name for config in apps.get_app_configs() if is_ours(config.name)}
    return {name: app for name, app in sorted(get_commands().items()) if app in ours}


def is_ours(app):
    """Whether an app is one of this project."""
    return app.partition(".")[0] in {"metrics_app", "pipelines_app", "hms_gov"}


def make_parser(name):
    """The parser of a command of any app."""
    app = get_commands()[name]
    command = app if isinstance(app, BaseCommand) else load_command_class(app, name)
    return command.create_parser("manage.py", name)


def list_arguments(parser):
    """The arguments of a parser that are not Django's own."""
    common = {action.dest for action in BaseCommand().create_parser("manage.py", "any")._actions}
    return [one for one in parser._actions if one.dest not in common and one.help != SUPPRESS]


def tell_argument(action):
    """A row of the table: how it is written, its default, its meaning."""
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    value = " ".join(value) if isinstance(value, tuple) else value
    if action.choices:
        value = ", ".join(f"`{choice}`" for choice in action.choices)
    written = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{action.dest}`"
    default = action.default
    shown = f"`{default}`" if default not in (None, False, [], "", SUPPRESS) else ""
    meaning = (action.help or "").replace("%%", "%").replace("|", "\\|")
    many = " …" if action.nargs in ("*", "+") else ""
    of_option = f" {value}{many}" if action.option_strings and value else ""
    of_place = f" ({value})" if not action.option_strings and action.choices else ""
    return f"| {written}{of_option or of_place or many} | {shown} | {meaning} |"


def tell_command(name):
    """The section of one command."""
    parser = make_parser(name)
    rows = [tell_argument(action) for action in list_arguments(parser)]
    table = ["", "| argument | default | meaning |", "|---|---|---|", *rows] if rows else []
    return "\n".join([f"## {name}", "", (parser.description or "").strip(), *table, ""])


def write_page():
    """The page in Markdown."""
    return "\n".join([INTRODUCTION, *(tell_command(name) for name in list_commands())])
