"""What a database says of itself where it was closed for writing on purpose."""

MISSING = "no such table: "


def explain_closed(error):
    """ "The database takes no writes: …" of a database error, or "".

    SQLite is closed by triggers that name a table which does not exist, and whose name is the reason.
    """
    name = str(error).removeprefix(MISSING).removeprefix("main.")
    if not str(error).startswith(MISSING) or " " not in name:
        return ""
    return f"The database takes no writes: {name}."
