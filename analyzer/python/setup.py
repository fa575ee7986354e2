"""Puts the named views, whose one source is analyzer/views, into the package that is built."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

VIEWS = Path(__file__).resolve().parent.parent / "views"


class BuildWithViews(build_py):
    """The usual build, and a copy of the views in it. Nothing is written beside the sources."""

    def run(self):
        super().run()
        if getattr(self, "editable_mode", False):
            return  # the package then finds them where they are
        files = sorted(VIEWS.glob("*.sql"))
        if not files:
            raise SystemExit(f"expected the named views in {VIEWS}: build the package inside the source tree")
        target = Path(self.build_lib) / "allocreplay" / "views"
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(file, target / file.name)


setup(cmdclass={"build_py": BuildWithViews})
