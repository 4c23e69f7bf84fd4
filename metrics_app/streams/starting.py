"""A coroutine begun at once, in the middle of other work: what it does belongs to somebody else.

To wake a task for each of a thousand sockets costs as much as to write to them, so the
first step of a send is made on the spot; only what cannot be finished then is left for
the writer. Servers set time-outs and look at the current task inside of ``send``: none
of that may reach whoever happens to have the frame.
"""

import asyncio
import sys
from functools import partial


def start_eagerly(coroutine, writer, loop):
    """Runs a coroutine until it first waits; what remains, for the writer to await, or None. Its errors."""
    # A task of its own is what the time-outs of the coroutine belong to.
    task = asyncio.Task(coroutine, loop=loop, eager_start=True)
    if not task.done():
        return task
    task.result()
    return None


def start_in_the_name(coroutine, writer, loop):
    """The same without a task of its own: while it runs, the writer is the current one."""
    caller = asyncio.current_task(loop)
    switch_task(loop, caller, writer)
    try:
        steps = coroutine.__await__()
        return Begun(steps, next(steps))
    except StopIteration:
        return None
    finally:
        switch_task(loop, writer, caller)


def switch_task(loop, old, new):
    """Makes ``new`` the current task, by functions that asyncio keeps for writers of event loops."""
    if old is not new:
        if old is not None:
            asyncio.tasks._leave_task(loop, old)
        if new is not None:
            asyncio.tasks._enter_task(loop, new)


class Begun:
    """An awaitable that was advanced once outside of the task that now finishes it."""

    def __init__(self, steps, first):
        self.steps, self.first = steps, first

    def cancel(self):
        """Ends it where it waits, when nobody will finish it."""
        self.steps.close()

    def __await__(self):
        step = self.first
        while True:
            try:
                yield step
            # A cancellation too is for the one who waits inside: it may be his own time-out.
            except BaseException as error:
                advance = partial(self.steps.throw, error)
            else:
                advance = partial(next, self.steps)
            try:
                step = advance()
            except StopIteration:
                return


# Python 3.11, which gets no more than security fixes, has no eager tasks.
start = start_eagerly if sys.version_info >= (3, 12) else start_in_the_name
