"""What `./dev bench net` measures: for each quantity the task of the measured program, the work of the
load, and how a sample comes of their counters."""

import dataclasses
import time

from processes import Fault, Running

SETTLE_S = 0.1  # from the first traffic to the window


@dataclasses.dataclass(frozen=True)
class Quantity:
    key: str
    title: str
    task: str  # of the measured program
    work: str  # of the load
    count: tuple  # whose counter is the divisor: ("server" or "load", counter)
    load: tuple = ()  # further arguments of the load
    size: int = 64  # of messages
    associations: int = 1
    unit: str = "ns of CPU"
    field: str = "cost"
    needs_handshakes: bool = False
    versions: tuple = ("", "1.2", "1.3")
    quick: bool = True
    settle_s: float = SETTLE_S

    def suits(self, contender):
        if contender.only_receives and (self.needs_handshakes or self.task == "source"):
            return False
        return contender.version in self.versions and (
            contender.has_handshakes or not self.needs_handshakes
        )

    def measure(self, bench, contender, window_s):
        """One sample: CPU time for each counted event, events a second, and what was lost."""
        with Running() as running:
            server, load = bench.start_pair(running, contender, self)
            load.wait_for("ready")
            time.sleep(self.settle_s)
            before = read(server, load)
            time.sleep(window_s)
            after = read(server, load)
            server.check()
            load.check()
        return fields_of(self, before, after)


def handshakes(key, title, work, version):
    return Quantity(
        key, title, "echo", work, ("load", "established"), needs_handshakes=True, versions=(version,)
    )


TIMED = (
    Quantity("bulk-send", "bulk, 1,200 B, send", "source", "source", ("server", "sent"), size=1200),
    Quantity(
        "bulk-receive", "bulk, 1,200 B, receive", "sink", "sink", ("server", "received"), size=1200
    ),
    Quantity(
        "echo",
        "echo, 64 B, 1,000 associations",
        "echo",
        "echo",
        ("load", "received"),
        load=("--in-flight", 128),
        associations=1000,
    ),
    handshakes("full-1.2", "full handshake, DTLS 1.2", "handshakes", "1.2"),
    handshakes("full-1.3", "full handshake, DTLS 1.3", "handshakes", "1.3"),
    handshakes("resumed-1.2", "resumed handshake, DTLS 1.2", "resumed", "1.2"),
    handshakes("resumed-1.3", "resumed handshake, DTLS 1.3", "resumed", "1.3"),
    Quantity(
        "hello",
        "unverified hello, answered with a cookie",
        "echo",
        "hello",
        ("load", "received"),
        load=("--in-flight", 64),
        associations=1000,
        needs_handshakes=True,
        quick=False,
    ),
)

NODE = tuple(
    Quantity(**what, settle_s=0.5)  # until Node has compiled what is called often
    for what in (
        {
            "key": "node-receive",
            "title": "Node, bulk, 1,200 B, receive",
            "task": "sink",
            "work": "sink",
            "count": ("server", "received"),
            "size": 1200,
        },
        {
            "key": "node-paced",
            "title": "Node, 1,200 B, receive, 20,000 a second",
            "task": "sink",
            "work": "sink",
            "count": ("server", "received"),
            "load": ("--rate", 20_000),
            "size": 1200,
        },
        {
            "key": "node-send",
            "title": "Node, bulk, 1,200 B, send",
            "task": "source",
            "work": "source",
            "count": ("load", "received"),
            "size": 1200,
        },
        {
            "key": "node-echo",
            "title": "Node, echo, 64 B, 200 peers",
            "task": "echo",
            "work": "echo",
            "count": ("load", "received"),
            "load": ("--in-flight", 128),
            "associations": 200,
        },
    )
)


class Bench:
    """Starts contenders and loads of one build."""

    def __init__(self, programs, folder, certificates, cores):
        self._programs = programs
        self._folder = folder
        self._certificates = certificates
        self._measured_core, self._load_core = cores

    def start_server(self, running, contender, task, size):
        command = contender.command(self._programs)
        command += ["--task", task, "--size", size, "--version", contender.version or "1.2"]
        command += ["--root", self._certificates["root"], "--cert", self._certificates["leaf"]]
        command += ["--key", self._certificates["key"]]
        server = running.start(command, self._measured_core, self._folder, "server")
        server.wait_for("port")
        return server

    def start_load(self, running, contender, port, work, size, associations, more=()):
        command = [self._programs / "dtls_bench_net_load", "--work", work, "--server", port]
        command += ["--protocol", contender.protocol, "--version", contender.version or "1.2"]
        command += ["--size", size, "--associations", associations, *more]
        command += ["--root", self._certificates["root"]]
        return running.start(command, self._load_core, self._folder, "load")

    def start_pair(self, running, contender, quantity):
        server = self.start_server(running, contender, quantity.task, quantity.size)
        load = self.start_load(
            running,
            contender,
            server.counter("port"),
            quantity.work,
            quantity.size,
            quantity.associations,
            quantity.load,
        )
        return server, load


def read(server, load):
    return {
        "wall": time.monotonic_ns(),
        "cpu": server.cpu_ns(),
        "server": {name: server.counter(name) for name in ("received", "sent", "established")},
        "load": {name: load.counter(name) for name in ("received", "sent", "established", "failed")},
    }


def fields_of(quantity, before, after):
    def grown(side, name):
        return after[side][name] - before[side][name]

    wall = after["wall"] - before["wall"]
    cpu = after["cpu"] - before["cpu"]
    events = grown(*quantity.count)
    fields = {"cost": cpu / max(events, 1), "rate": events * 1e9 / wall, "busy": cpu / wall}
    if quantity.work in ("sink", "source"):
        sent, received = {
            "source": (grown("server", "sent"), grown("load", "received")),
            "sink": (grown("load", "sent"), grown("server", "received")),
        }[quantity.work]
        fields["lost"] = max(0.0, 1 - received / max(sent, 1))
    failed = grown("load", "failed")
    if events == 0 or (quantity.needs_handshakes and failed):
        raise Fault(f"{quantity.title}: {events} events, {failed} that were not as asked for")
    return fields
