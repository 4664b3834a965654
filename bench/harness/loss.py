"""Messages that are lost between the kernel and the program, with many in flight on one association."""

import dataclasses

from processes import Running, dropped_by_kernel

IN_FLIGHT = 512  # sent as fast as possible; the next ones follow when these are answered
BURSTS = 10


@dataclasses.dataclass(frozen=True)
class Loss:
    key: str = "loss"
    title: str = f"echo, 1,200 B, {IN_FLIGHT} in flight on one association: lost of those that the kernel delivered"
    unit: str = "%"
    field: str = "lost"
    task: str = "echo"
    work: str = "bursts"
    load: tuple = ("--in-flight", IN_FLIGHT, "--bursts", BURSTS)
    size: int = 1200
    associations: int = 1
    quick: bool = False

    def suits(self, _contender):
        return True

    def measure(self, bench, contender, _window_s):
        with Running() as running:
            server, load = bench.start_pair(running, contender, self)
            load.wait_for("done")
            sent = load.counter("sent")
            dropped = dropped_by_kernel(server.counter("port"))
            delivered = sent - dropped
            received = server.counter("received")
        return {
            "lost": 100 * max(0.0, 1 - received / delivered),
            "dropped": 100 * dropped / sent,
        }
