"""Looks at what was built: `python release/check_release.py dist` says what is wrong, and exits with 1."""

import re
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
APPS = ("metrics_app", "pipelines_app", "hms_gov/joins")
# Of an app everything that runs: a file of another kind is asked about rather than left out.
KINDS = {".py", ".lua", ".html", ".txt", ".js", ".css", ".svg", ".woff2", ".gz", ".md", ""}
DOCUMENTS = ("README.md", "CHANGELOG.md", "LICENSE")
WORDS = re.compile(rb"/(home|root|work|tmp)/\w+")


def list_sources():
    """The files of the apps in the tree, as paths from its root."""
    files = (path for app in APPS for path in (ROOT / app).rglob("*") if path.is_file())
    names = {path.relative_to(ROOT).as_posix() for path in files}
    return {name for name in names if "__pycache__" not in name and "/." not in name}


def read_wheel(path):
    """``{name: bytes}`` of a wheel."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def read_sdist(path):
    """``{name: bytes}`` of an sdist, without its outermost folder."""
    with tarfile.open(path) as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
        return {member.name.partition("/")[2]: archive.extractfile(member).read() for member in files}


def find_faults(directory):
    """What is wrong with the files of a directory, a sentence each; none where all is well."""
    wheels, sdists = (sorted(Path(directory).glob(end)) for end in ("*.whl", "*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        return [f"{directory} has {len(wheels)} wheels and {len(sdists)} sdists: expected one of each"]
    wheel, sdist = read_wheel(wheels[0]), read_sdist(sdists[0])
    version = read_version()
    names = [path.name for path in (*wheels, *sdists) if f"-{version}" not in path.name]
    faults = [f"{name} is not of version {version}" for name in names]
    return faults + check_wheel(wheel, version) + check_sdist(sdist) + check_both(wheel, sdist)


def read_version():
    """The one version, as pyproject.toml has it."""
    return re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]


def check_wheel(files, version):
    """All of the apps, nothing else, and metadata that a reader of an index can use."""
    info = {name for name in files if ".dist-info/" in name}
    faults = compare(set(files) - info, list_sources(), "the wheel")
    meta = message_from_string(next(files[name] for name in info if name.endswith("/METADATA")).decode())
    if meta["Version"] != version:
        faults.append(f"the wheel says version {meta['Version']}, pyproject.toml {version}")
    if "# HMS-GOV metrics" not in meta.get_payload():
        faults.append("the wheel's metadata lack the README")
    documents = {name.rpartition("/")[2] for name in info}
    lacks = [name for name in ("LICENSE", "CHANGELOG.md") if name not in documents]
    return faults + [f"the wheel lacks {name}" for name in lacks]


def check_sdist(files):
    """All of the apps with the documents and what builds them; no tests, none of the project's own code."""
    rest = {name for name in files if not name.startswith(tuple(f"{app}/" for app in APPS))}
    faults = compare(set(files) - rest, list_sources(), "the sdist")
    faults += [f"the sdist lacks {name}" for name in (*DOCUMENTS, "pyproject.toml") if name not in files]
    own = sorted(name for name in rest if name.startswith(("tests/", "hms_gov/", "exercises/", "bench/")))
    return faults + [f"the sdist has {name}, which is not the apps'" for name in own]


def check_both(wheel, sdist):
    """Nothing of the machine that built them, and no kind of file that nobody expected."""
    faults = []
    for title, files in (("the wheel", wheel), ("the sdist", sdist)):
        odd = [name for name in files if PurePosixPath(name).suffix not in KINDS | {".toml", ".cfg", ".in"}]
        faults += [f"{title} has {name}: is it meant to be there?" for name in sorted(odd)]
        told = [name for name, content in files.items() if "/vendor/" not in name and WORDS.search(content)]
        faults += [f"{title} names a folder of a machine in {name}" for name in sorted(told)]
    return faults


def compare(built, expected, title):
    """What one lacks of the other, at most ten of each."""
    lacks, more = sorted(expected - built), sorted(built - expected)
    return [f"{title} lacks {name}" for name in lacks[:10]] + [f"{title} has {name}" for name in more[:10]]


if __name__ == "__main__":
    found = find_faults(sys.argv[1])
    print("\n".join(found) or f"Wheel and sdist of version {read_version()} are complete.")
    sys.exit(bool(found))
