"""History as a file: read and encoded piece by piece, whatever its length, in bounded memory."""

from metrics_app.files.writers import make_writer
from metrics_app.queries.exports import check_plan, list_columns, read_rows


def export(plans, format_name, *, on_rows=lambda done: None):
    """The file of ``[(topic, Plan), …]`` as ``(content type, iterator of bytes)``; BadInput at once.

    Nothing is read before the first piece is asked for, which is NotKept where a Plan is too
    fine. ``on_rows`` is told how many rows are done.
    """
    writer = make_writer(format_name, list_columns())
    return writer.content_type, write_pieces(plans, writer, on_rows)


def write_pieces(plans, writer, on_rows):
    """Yields the bytes; the header comes with the first rows, so that it promises nothing."""
    plans = list(plans)
    for topic, plan in plans:
        check_plan(topic, plan)
    pending, done = writer.begin(), 0
    for topic, plan in plans:
        for columns in read_rows(topic, plan):
            yield pending + writer.write(columns)
            pending, done = b"", done + len(columns["ts"])
            on_rows(done)
    yield pending + writer.finish()
