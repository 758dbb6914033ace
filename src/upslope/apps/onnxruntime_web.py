"""onnxruntime-web: what runs an ONNX file inside a browser, three files of the npm package.

They are other people's code and 14 MB, so they are not part of this one: `make web`, or `python -m
upslope.apps.onnxruntime_web`, takes them from npm once, into the environment; after that no page asks for anything.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from upslope.runs.errors import Problem
from upslope.runs.files import make_folder, write_atomically

PACKAGE = "onnxruntime-web@1.30.0"  # MIT
FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}


class NoWebRuntime(Problem):
    """The files are not here, or are not what they should be; the message says what to type."""


def folder() -> Path:
    """Where the files lie in this environment, whether or not they are there."""
    return Path(sys.prefix) / "web" / "onnxruntime-web"


def found() -> Path:
    """The folder, with all files in it."""
    missing = [name for name in FILES if not (folder() / name).is_file()]
    if missing:
        raise NoWebRuntime(
            f"the browser needs {PACKAGE}, and {missing[0]} is not here: make web, or python -m {__spec__.name}"
        )
    return folder()


def take() -> Path:
    """Take the files from npm; NoWebRuntime where that cannot be done, and nothing is left behind."""
    npm = shutil.which("npm")
    if npm is None:
        raise NoWebRuntime(f"{PACKAGE} comes from npm, which is not installed (it is part of Node.js)")
    with TemporaryDirectory() as scratch:
        words = [npm, "pack", PACKAGE, "--silent", "--pack-destination", scratch]
        done = subprocess.run(words, capture_output=True, text=True, cwd=scratch, check=False)
        packed = next(iter(Path(scratch).glob("*.tgz")), None)
        if done.returncode or packed is None:
            why = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
            raise NoWebRuntime(f"npm could not take {PACKAGE}: {why}")
        with tarfile.open(packed) as archive:
            contents = {name: _member(archive, f"package/dist/{name}") for name in FILES}
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != FILES[name]:
            raise NoWebRuntime(f"{name} of {PACKAGE} is not the file that was tried here: nothing was written")
    make_folder(folder())
    for name, content in contents.items():
        write_atomically(folder() / name, content)
    return folder()


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    try:
        file = archive.extractfile(name)
    except KeyError:
        file = None
    if file is None:
        raise NoWebRuntime(f"{PACKAGE} holds no {name}")
    return file.read()


if __name__ == "__main__":
    try:
        print(take())
    except NoWebRuntime as problem:
        sys.exit(str(problem))
