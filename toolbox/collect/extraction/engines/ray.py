"""The engine that presents parts in actors of Ray, on this computer or on a cluster. Ray is imported here alone.

A worker that is killed is started again and repeats its part. Nothing is reported to Ray's authors, and no dashboard
is started.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.parts import PartReport
from toolbox.collect.extraction.worker import Count, Worker, WorkerPlace, start_worker
from toolbox.distribution import install_command
from toolbox.errors import DeviceError, ResourceError, ToolboxError, UsageError
from toolbox.faults import explains_faults
from toolbox.host import ignore_image_warnings, temporary_entry
from toolbox.runtime.hardware import usable_cores

ATTEMPTS = 3
"""How often a part is begun while the workers that present it are killed."""
AHEAD = 2
"""Parts that a worker has been asked for: while it returns one, it has the next."""
_STORE = 80_000_000
"""Bytes of Ray's store of objects, which is hardly used."""
_GLANCE = 0.5
"""Seconds between two looks at how many stimuli were presented."""
_TOKEN = secrets.token_hex(32)
"""What processes of other users would need to reach a cluster that is started here."""
_ENVIRONMENT = ("TOOLBOX_CACHE", "TOOLBOX_MIRROR", "TOOLBOX_MODELS")


def schedule(parts: Sequence[int], worker: Worker, presented: Count) -> Generator[PartReport, None, None]:
    """Present parts in actors, each with its share of the cores and GPUs.

    Args:
        parts: their numbers.
        worker: an equal one is started in every actor.
        presented: is called with the number of stimuli that were presented since the last call.

    Raises: what a worker raises; UsageError when there is no such cluster; DeviceError when it lacks cores or GPUs;
        ResourceError when workers end unexpectedly again and again.
    """
    options = worker.run.task.request.options
    with _cluster(options) as ray, _errors(ray):
        crew = _crew_size(_nodes(ray), options, len(parts))
        place = _with_device(replace(worker.place, cores=crew.cores), options)
        with _actors(ray, crew, place, options) as actors:
            for report in _reports(ray, actors, parts, presented):
                arrangement = f"{crew.workers} workers of Ray, each with {report.arrangement}"
                yield replace(report, arrangement=arrangement)


class _Actor:
    """A worker in a process of Ray. Whatever fails does so in a call, so that the failure can be reported as it is."""

    def __init__(self, place: WorkerPlace) -> None:
        self._place, self._count = place, 0
        self._worker: Worker | None = None

    @explains_faults
    def present(self, number: int) -> PartReport:
        """Present one part."""
        if self._worker is None:
            ignore_image_warnings()
            self._worker = start_worker(self._place)
        (report,) = self._worker.present([number], self._add)
        return report

    def count(self) -> int:
        """The number of stimuli that were presented since this process was started."""
        return self._count

    def _add(self, count: int) -> None:
        self._count += count


@dataclass
class _Asked:
    """An actor, what it was asked for, and how many stimuli it has presented."""

    actor: Any
    parts: list[Any]
    look: Any = None
    seen: int = 0


@dataclass(frozen=True)
class _CrewSize:
    """The number of workers, and of cores of each."""

    workers: int
    cores: int


def _reports(
    ray: Any, actors: Sequence[Any], parts: Sequence[int], presented: Count
) -> Generator[PartReport, None, None]:
    """The reports of parts, in the order in which they are finished; an actor gets its parts as it needs them."""
    left, crew = deque(parts), [_Asked(actor, []) for actor in actors]
    for _ in range(AHEAD):
        for each in crew:
            _ask(each, left)
    while waiting := {part: each for each in crew for part in each.parts}:
        done, _ = ray.wait([*waiting], timeout=_GLANCE)
        for each in crew:
            presented(_new_count(ray, each))
        for part in done:
            each = waiting[part]
            each.parts.remove(part)
            _ask(each, left)
            yield ray.get(part)


def _ask(asked: _Asked, left: deque[int]) -> None:
    """Ask an actor for the next part, if there is one."""
    if left:
        asked.parts.append(asked.actor.present.remote(left.popleft()))


def _new_count(ray: Any, asked: _Asked) -> int:
    """The number of stimuli that an actor has presented since the last look, as far as it answers."""
    before = asked.seen
    with suppress(ray.exceptions.RayError):  # it is being started again
        if asked.look is not None and ray.wait([asked.look], timeout=0)[0]:
            look, asked.look = asked.look, None
            asked.seen = ray.get(look)
        if asked.look is None:
            asked.look = asked.actor.count.options(concurrency_group="look", max_task_retries=0).remote()
    return max(0, asked.seen - before)


@contextmanager
def _cluster(options: Extraction) -> Iterator[Any]:
    """Ray, connected to a cluster: that of the host program, the one that is asked for, or one of this computer."""
    with _quiet(), ExitStack() as stack:  # Ray reads these when it is imported, and when it connects
        for name, value in _environment(options.address).items():
            stack.enter_context(temporary_entry(os.environ, name, os.environ.get(name, value)))
        ray = _import_ray()
        is_connected = ray.is_initialized()  # by the program that calls the toolbox
        if is_connected:
            _check_connected(ray, options.address)
        else:
            _connect(ray, options)
    try:
        yield ray
    finally:
        if not is_connected:
            with _quiet():
                ray.shutdown()


def _environment(address: str | None) -> dict[str, str]:
    """Variables that Ray reads, unless the user has set them."""
    common = {"RAY_USAGE_STATS_ENABLED": "0"}
    if address is None:
        # A cluster that is started asks for a token, and Ray would write one into the user's home.
        return common | {"RAY_AUTH_TOKEN": _TOKEN}
    has_token = "RAY_AUTH_TOKEN" in os.environ or (Path.home() / ".ray" / "auth_token").is_file()
    return common | ({"RAY_AUTH_MODE": "token"} if has_token else {})  # as `ray start` does


def _check_connected(ray: Any, address: str | None) -> None:
    """Raises: UsageError when this program is connected to another cluster than the one that is asked for."""
    there = ray.get_runtime_context().gcs_address
    if address not in (None, "auto", there):
        raise UsageError(
            f"address is {address!r}, but this program is connected to the cluster at {there!r}; leave address out, or "
            "disconnect with ray.shutdown()"
        )


def _import_ray() -> Any:
    """Raises: DeviceError when it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise DeviceError(
            f"engine 'ray' needs Ray; install it with: {install_command('ray')}, or choose engine='processes' "
            "(--engine processes)"
        ) from error
    return ray


def _connect(ray: Any, options: Extraction) -> None:
    """Connect to a cluster, or start one.

    Raises: UsageError when there is no cluster at the address.
    """
    own: dict[str, Any] = {
        "address": "local",
        "num_cpus": usable_cores(),
        "object_store_memory": _STORE,
        "include_dashboard": False,
    }
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    given: dict[str, Any] = {"address": options.address, "runtime_env": {"env_vars": environment}}
    try:
        ray.init(
            **(own if options.address is None else given), log_to_driver=False, logging_level=logging.ERROR
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        if options.address is None:
            raise
        reason = " ".join(str(error).split())
        raise UsageError(
            f"no cluster can be reached at the address {options.address!r} ({reason}); start one with ray start "
            "--head, or leave address (--address) out, which starts one on this computer"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the messages of Ray, and with the signals of this program, which Ray would take over."""
    logger = logging.getLogger("ray")
    level, is_main = logger.level, threading.current_thread() is threading.main_thread()
    logger.setLevel(logging.ERROR)
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        logger.setLevel(level)
        if is_main and before is not None:
            signal.signal(signal.SIGTERM, before)


def _nodes(ray: Any) -> list[dict[str, float]]:
    """The resources of every computer of the cluster that is running."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _crew_size(nodes: Sequence[dict[str, float]], options: Extraction, parts: int) -> _CrewSize:
    """The number of workers, and of cores of each, that fit on the computers of a cluster.

    Raises: DeviceError when not a single worker fits.
    """
    gpus = options.gpus_per_worker
    if options.device not in ("auto", "cpu") and not gpus:
        raise UsageError(
            f"device {options.device!r} on a cluster needs the number of GPUs of a worker: gpus_per_worker=1 "
            "(--gpus-per-worker 1)"
        )
    cores = [int(node.get("CPU", 0)) for node in nodes]
    places = [
        int(node.get("GPU", 0) / gpus) if gpus else count for node, count in zip(nodes, cores, strict=True)
    ]
    places = [min(pair) for pair in zip(places, cores, strict=True)]
    if not any(places):
        total = sum(node.get("GPU", 0) for node in nodes)
        raise DeviceError(
            f"the cluster has {sum(cores)} cores and {total:g} GPUs on {len(nodes)} computers, and no room for a "
            f"worker with 1 core and {gpus:g} GPUs; ask for fewer GPUs with gpus_per_worker=… (--gpus-per-worker …)"
        )
    usual = sum(places) if gpus else sum(map(bool, places))
    workers = min(options.workers or usual, sum(places), parts)
    each = next(count for count in range(max(cores), 0, -1) if _room(cores, places, count) >= workers)
    return _CrewSize(workers, each)


def _with_device(place: WorkerPlace, options: Extraction) -> WorkerPlace:
    """A place with the device that its worker got of the cluster: all of its GPUs, or none of those of its computer.

    A process that asked Ray for no GPU sees all of them, and so do the others of its computer.
    """
    if options.device != "auto":
        return place
    device = "cuda:all" if options.gpus_per_worker else "cpu"
    return replace(place, options=replace(place.options, device=device))


def _room(cores: Sequence[int], places: Sequence[int], each: int) -> int:
    """The number of workers with so many cores each that fit on the computers of a cluster."""
    return sum(min(count // each, most) for count, most in zip(cores, places, strict=True))


@contextmanager
def _actors(ray: Any, crew: _CrewSize, place: WorkerPlace, options: Extraction) -> Iterator[list[Any]]:
    """The actors, which end with the block."""
    kind = ray.remote(
        num_cpus=crew.cores,
        num_gpus=options.gpus_per_worker,
        max_restarts=-1,
        max_task_retries=ATTEMPTS - 1,
        concurrency_groups={"look": 1},
    )(_Actor)
    actors = [kind.remote(place) for _ in range(crew.workers)]
    try:
        yield actors
    finally:
        for actor in actors:
            ray.kill(actor)


@contextmanager
def _errors(ray: Any) -> Iterator[None]:
    """Errors of workers as they would be raised in this process."""
    try:
        yield
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayActorError as error:
        raise ResourceError(
            f"workers that presented one part ended unexpectedly {ATTEMPTS} times: perhaps memory ran out; ask for "
            "fewer workers=… (--workers …)"
        ) from error
    except ray.exceptions.RayError as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ToolboxError(f"the cluster failed ({reason}); run the extraction again") from error
