"""Open data for programs: files without a log-in, and the catalogue that lists them (DCAT-US 1.1)."""

from datetime import UTC, datetime

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from metrics_app import conf, queries, registry
from metrics_app.api.base import ApiView
from metrics_app.api.documented import operation
from metrics_app.api.exports import FILES
from metrics_app.api.params import Query, WholeParam, view_param
from metrics_app.api.streaming import stream_file
from metrics_app.core.points import MAX_TOPIC
from metrics_app.files import open_data
from metrics_app.files.exports import export
from metrics_app.files.writers import FORMATS, NAMES

MAX_AGE = 600  # seconds a cache on the way may answer for us: a file grows once an hour
VERSION = "https://project-open-data.cio.gov/v1.1/schema"


class FileQuery(Query):
    """Which rows."""

    year = WholeParam(2000, 2099, help_text="A year of the publisher's zone.")

    def get_fields(self):
        """With ``as``, which Python cannot name."""
        return super().get_fields() | {"as": view_param()}


class OpenView(ApiView):
    """For everybody: who asks is not looked at, so that caches on the way may share the answer."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def finalize_response(self, request, response, *args, **kwargs):
        """Pages of any site may read it; what was refused is not cached."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        kept = f"public, max-age={MAX_AGE}" if response.status_code == 200 else "no-store"
        response["Cache-Control"] = kept
        return response


class OpenDataFileView(OpenView):
    """A file of an open KPI."""

    @operation(
        "download_open_data",
        "Open data as a file, without a log-in",
        description="`file` is `hour` or `day` and the format: `day.csv`, `hour.jsonl`, `day.parquet`. "
        "Without `year` the last 366 days by hour, or ten years by day, in which there are points.",
        query=FileQuery,
        answers=FILES,
        faults={429: "Too many downloads in this minute."},
    )
    def get(self, request, topic, file):
        """A row per hour or day that is over."""
        by, _, kind = file.partition(".")
        if registry.find_open(topic) is None:
            raise NotFound(f"There is no open data of the topic {topic[:MAX_TOPIC]!r}.")
        if by not in open_data.DAYS or kind not in FORMATS:
            raise NotFound(f"There is no file {file[:50]!r}: expected such as hour.csv or day.jsonl.")
        view, year = self.query["as"], self.query.get("year", 0)
        content_type, pieces = export(Plans(topic, by, view, year), kind)
        if request.method != "HEAD":
            open_data.count_download(request.META.get("REMOTE_ADDR", ""))
        words = [topic, by, *([view] if view == "published" else []), *([str(year)] if year else [])]
        return stream_file(request, pieces, content_type=content_type, name=f"{'-'.join(words)}.{kind}")


class Plans:
    """The Plans of a file, made when it is read: whoever is refused costs no query."""

    def __init__(self, *asked):
        self.asked = asked

    def __iter__(self):
        return iter(open_data.plan_file(*self.asked, queries.redis_now()))


class CatalogView(OpenView):
    """The catalogue."""

    @operation(
        "get_open_data_catalog",
        "What is open, in the vocabulary of DCAT-US (data.json)",
        answers={200: OpenApiTypes.OBJECT},
    )
    def get(self, request):
        """A dataset per open KPI, a distribution per file."""
        publisher = conf.get("OPEN_DATA_PUBLISHER") or request.get_host()
        page = request.build_absolute_uri(reverse("open_data"))
        return Response(
            {
                "@context": "https://project-open-data.cio.gov/v1.1/schema/catalog.jsonld",
                "@id": request.build_absolute_uri(),
                "@type": "dcat:Catalog",
                "conformsTo": VERSION,
                "describedBy": f"{VERSION}/catalog.json",
                "dataset": [describe(kpi, publisher, page) for kpi in open_data.list_published()],
            }
        )


def describe(kpi, publisher, page):
    """A dataset of the catalogue."""
    contact = conf.get("OPEN_DATA_CONTACT")
    texts = [kpi["description"] or f"{kpi['name']}.", f"Unit: {kpi['unit']}.", kpi["method"]]
    texts.append(tell_covered(kpi["covered"]))
    found = {
        "@type": "dcat:Dataset",
        "identifier": f"{page}#{kpi['topic']}",
        "title": kpi["name"],
        "description": " ".join(text for text in texts if text),
        "keyword": sorted({"key performance indicator", *kpi["topic"].replace("_", " ").split(".")}),
        "publisher": {"@type": "org:Organization", "name": publisher},
        "contactPoint": {"@type": "vcard:Contact", "fn": publisher}
        | ({"hasEmail": f"mailto:{contact}"} if contact else {}),
        "accessLevel": "public",
        "license": conf.get("OPEN_DATA_LICENCE_URL"),
        "landingPage": f"{page}#{kpi['topic']}",
        "describedBy": f"{page}#columns",
        "accrualPeriodicity": "R/PT1H",
        "modified": "R/PT1H",
        "distribution": [
            describe_file(page, kpi["topic"], *file) for file in open_data.list_files(kpi["years"])
        ],
    }
    if kpi["span"]:
        first, last = (write_time(at) for at in kpi["span"])
        found |= {"temporal": f"{first}/{last}", "modified": last}
    return found


def tell_covered(spans):
    """Where not all of ``temporal`` was recorded, what was; DCAT-US has one interval only."""
    if len(spans) < 2:
        return ""
    told = (f"{write_time(first)[:10]} to {write_time(last)[:10]}" for first, last in spans)
    return f"Recorded: {', '.join(told)}."


def write_time(ms):
    """Milliseconds as ISO 8601 in UTC, whole seconds."""
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat()


def describe_file(page, topic, by, view, kind, file, query):
    """A distribution of a dataset."""
    of_year = f", {query.removeprefix('?year=')}" if query.startswith("?year=") else ""
    return {
        "@type": "dcat:Distribution",
        "title": f"Per {by}, {open_data.VIEWS[view].lower()}, {NAMES[kind]}{of_year}",
        "downloadURL": f"{page}{topic}/{file}{query}",
        "mediaType": FORMATS[kind].content_type.partition(";")[0],
        "format": NAMES[kind],
    }
