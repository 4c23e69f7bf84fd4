"""The scripts that Redis runs: each changes one shard as a whole or not at all."""

from pathlib import Path


def read_script(name):
    """The text of ``name.lua``, without its comments: it travels with every call."""
    lines = Path(__file__).with_name(f"{name}.lua").read_text().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))
