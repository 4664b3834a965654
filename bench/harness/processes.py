"""Programs that are measured, and those that measure them: started on a core of their own, watched
from outside."""

import contextlib
import fcntl
import mmap
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

# The members of dtls::bench::Counters (bench/net/counters.hpp), each of 8 bytes.
COUNTERS = ("port", "ready", "received", "sent", "established", "done", "failed")
PATIENCE_S = 120


class Fault(Exception):
    """A sentence for the person who runs this."""


def cores():
    """The core of the measured program, and that of the load and of this script."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise Fault("two cores are needed: one for the measured program, one for its load")
    # Interrupts mostly arrive at the first core.
    return allowed[-1], allowed[0]


def settle(core):
    """What a program begins with: its core, and, where permitted, precedence before other work: of
    its own, and of its session, by which the kernel shares out the processor first."""
    os.sched_setaffinity(0, {core})
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        pathlib.Path("/proc/self/autogroup").write_text("-15")


class Program:
    """One process, pinned to a core, with a page of counters."""

    def __init__(self, command, core, folder, name):
        path = pathlib.Path(folder) / f"{name}.counters"
        path.write_bytes(bytes(8 * len(COUNTERS)))
        with open(path, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), 8 * len(COUNTERS))
        self.name = name
        self._log = open(pathlib.Path(folder) / f"{name}.log", "w+b")
        self._process = subprocess.Popen(
            [*map(str, command), "--counters", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: settle(core),
        )
        # clock_getcpuclockid(3): what the kernel has charged to all threads of the process.
        self._clock = (~self._process.pid << 3) | 2

    def counter(self, name):
        return struct.unpack_from("=Q", self._page, 8 * COUNTERS.index(name))[0]

    def cpu_ns(self):
        return time.clock_gettime_ns(self._clock)

    def rss_bytes(self):
        with open(f"/proc/{self._process.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise Fault(f"{self.name}: the kernel gives no VmRSS")

    def wait_for_end(self):
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Fault(f"{self.name} has not ended after {PATIENCE_S} s") from None

    def wait_for(self, name, least=1, patience_s=PATIENCE_S):
        """Waits until a counter has reached a value, and gives it."""
        deadline = time.monotonic() + patience_s
        while self.counter(name) < least:
            self.check()
            if time.monotonic() > deadline:
                raise Fault(
                    f"{self.name}: {name} is {self.counter(name)} after {patience_s} s, "
                    f"{least} was expected"
                )
            time.sleep(0.002)
        return self.counter(name)

    def check(self):
        if self._process.poll() is not None:
            self._log.seek(0)
            text = self._log.read().decode(errors="replace").strip()
            raise Fault(f"{self.name} ended with {self._process.returncode}: {text}")

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._page.close()
        self._log.close()


@contextlib.contextmanager
def alone():
    """Waits until no other benchmark runs on this machine: two would measure each other."""
    with open(pathlib.Path(tempfile.gettempdir()) / "dtls-bench.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another benchmark on this machine", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Running:
    """Stops whatever was started within it, in any case."""

    def __init__(self):
        self._programs = []

    def start(self, *arguments):
        program = Program(*arguments)
        self._programs.append(program)
        return program

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in reversed(self._programs):
            program.stop()


def dropped_by_kernel(port):
    """Datagrams for that local port which found the receive buffer full."""
    lines = pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(
        int(fields[-1])
        for fields in map(str.split, lines)
        if int(fields[1].split(":")[1], 16) == port
    )


def make_certificates(folder):
    """A P-256 leaf for localhost under a P-256 root, as PEM files in the folder."""
    folder = pathlib.Path(folder)
    p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    root = ["-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=bench root"]
    leaf = ["-keyout", "leaf.key", "-out", "leaf.pem", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    basic = ["-addext", "basicConstraints=critical,CA:FALSE"]
    issuer = ["-CA", "root.pem", "-CAkey", "root.key"]
    for command in ([*p256, *root], [*p256, *leaf, *issuer, *names, *basic]):
        done = subprocess.run(
            ["openssl", "req", "-x509", *command], cwd=folder, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise Fault(f"openssl req failed: {done.stderr.strip()}")
    return {name: folder / f"{name}.pem" for name in ("root", "leaf")} | {
        "key": folder / "leaf.key"
    }
