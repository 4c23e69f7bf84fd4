"""What opened a proposal, and what was noted on it since: each hears what becomes of it."""

from pipelines_app.core.chain import encode
from pipelines_app.core.versions import NOTED
from pipelines_app.queries.versions import read_origin

NAMELESS = f'"origin":{encode("")}'


def list_origins(pipeline):
    """``{origin: number}``: what opened it (0), and what its value was noted for since (the entry's ``seq``).

    As it was frozen and as the audit chain says: one that somebody wrote into a column would hear the
    story of another.
    """
    origins = {origin: 0} if (origin := read_origin(pipeline)) else {}
    # Of thousands of repeats most may come from programs that name no origin.
    noted = pipeline.audit.filter(event=NOTED).exclude(data_text__contains=NAMELESS).checked()
    for entry in noted.order_by("seq") if pipeline.noted else ():
        if told := entry.data.get("origin"):
            origins.setdefault(told, entry.seq)
    return origins
