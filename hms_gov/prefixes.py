"""What several processes write to one output, each line with who wrote it."""

import io
import logging
import os
import sys
import threading

WIDTH = 8  # letters of the longest usual name


class Prefixed(io.TextIOBase):
    """A text stream that writes whole lines to a file descriptor, each behind a prefix."""

    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self, handle, prefix):
        self.handle, self.prefix, self.rest, self.lock = handle, prefix, "", threading.RLock()

    def write(self, text):
        """Takes text; what has no end of a line yet waits for it."""
        with self.lock:
            *lines, self.rest = (self.rest + text).split("\n")
            self.send(lines)
        return len(text)

    def send(self, lines):
        """Writes lines in as few pieces as the system allows, so that those of others stay whole too."""
        data = "".join(f"{self.prefix}{line}\n" for line in lines).encode(errors=self.errors)
        while data:
            data = data[os.write(self.handle, data) :]

    def close(self):
        """Writes a last line that never ended."""
        with self.lock:
            if self.rest:
                self.send([self.rest])
            self.rest = ""
        super().close()

    def fileno(self):
        """Whatever goes by the descriptor writes without the prefix."""
        return self.handle

    def writable(self):
        """Always."""
        return True


def make_prefix(name):
    """``collect  | `` of a name."""
    return f"{name:<{WIDTH}} | "


def write_behind(name):
    """From now on all that this process prints and logs stands behind its name."""
    former = {sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__}
    out, err = (Prefixed(handle, make_prefix(name)) for handle in (1, 2))
    sys.stdout = sys.__stdout__ = out
    sys.stderr = sys.__stderr__ = err
    for handler in list_handlers():
        if handler.stream in former:
            handler.setStream(err)


def list_handlers():
    """The handlers of all loggers that write to a stream."""
    known = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = {handler for logger in known for handler in getattr(logger, "handlers", ())}
    return [handler for handler in handlers if isinstance(handler, logging.StreamHandler)]
