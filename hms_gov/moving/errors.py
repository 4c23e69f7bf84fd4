"""What can stand in the way of a move."""


class NotMovable(Exception):
    """Why nothing was moved, in a line for the terminal that says what to do."""
