"""What can stand in the way of a backup or of a restore."""


class NotKept(Exception):
    """Why nothing was written or restored, in a line for the terminal that says what to do."""
