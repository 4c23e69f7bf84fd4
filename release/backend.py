"""Builds wheel and sdist by setuptools: never without the front end, and equal trees give equal bytes."""

import gzip
import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401 (hooks that stay as they are)
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

FRONT_END = ("uplot/uPlot.esm.js", "uplot/uPlot.min.css", "uswds/css/uswds.min.css")
VENDOR = Path("metrics_app/static/vendor")
EPOCH = "315532800"  # seconds: 1980, the first moment of a zip file


def check_front_end():
    """SystemExit with what to do where the pages would come without their charts and styles."""
    missing = [name for name in FRONT_END if not (VENDOR / name).is_file()]
    if missing:
        raise SystemExit(
            f"{VENDOR} lacks {', '.join(missing)}: run `manage.py build_assets` first, or `make dist`."
        )


def build_wheel(directory, *args, **options):
    """The wheel; its files have the date of SOURCE_DATE_EPOCH."""
    prepare()
    name = build_meta.build_wheel(directory, *args, **options)
    normalise_wheel(Path(directory) / name)
    return name


def build_sdist(directory, *args, **options):
    """The sdist, likewise."""
    prepare()
    name = build_meta.build_sdist(directory, *args, **options)
    normalise_sdist(Path(directory) / name, int(os.environ["SOURCE_DATE_EPOCH"]))
    return name


def prepare():
    """What holds for both: a front end, and a date that is not today."""
    check_front_end()
    os.environ.setdefault("SOURCE_DATE_EPOCH", EPOCH)


def normalise_wheel(path):
    """Writes a wheel anew: rights that are not those of the builder's files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as fresh:
        for member in archive.infolist():
            member.external_attr = 0o100644 << 16
            fresh.writestr(member, archive.read(member))
    path.write_bytes(packed.getvalue())


def normalise_sdist(path, epoch):
    """Writes an sdist anew: in the order of names, with one date and nobody's name."""
    with tarfile.open(path) as archive:
        files = [(member, archive.extractfile(member)) for member in archive.getmembers()]
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as fresh:
            for member, content in sorted(files, key=lambda file: file[0].name):
                member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
                member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
                member.pax_headers = {}
                fresh.addfile(member, content)
    path.write_bytes(gzip.compress(packed.getvalue(), mtime=epoch))


if __name__ == "__main__":
    # In processes of their own: setuptools keeps what it learned of the first.
    kind, target = sys.argv[1:]
    Path(target).mkdir(parents=True, exist_ok=True)
    print({"wheel": build_wheel, "sdist": build_sdist}[kind](target))
