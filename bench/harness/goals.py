"""The project's goals, as ratios within one run or as values: what is compared, and the bound."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Goal:
    text: str
    quantity: str
    who: str
    bound: float
    base: str = ""  # a contender; empty: the bound is a value of its own
    base_quantity: str = ""  # empty: the same
    field: str = "cost"
    at_least: bool = False


NET = (
    Goal("bulk sender to the prototype", "bulk-send", "ours 1.2", 1.05, "prototype"),
    Goal("bulk receiver to the prototype", "bulk-receive", "ours 1.2", 1.20, "prototype"),
    Goal(
        "bulk throughput to OpenSSL",
        "bulk-throughput",
        "ours 1.2",
        4,
        "OpenSSL 1.2",
        field="rate",
        at_least=True,
    ),
    Goal("echo to plain UDP", "echo", "ours 1.2", 1.10, "plain UDP"),
    Goal("full handshake to GnuTLS", "full-1.2", "ours 1.2", 0.75, "GnuTLS 1.2"),
    Goal("resumed 1.2 to GnuTLS", "resumed-1.2", "ours 1.2", 0.75, "GnuTLS 1.2"),
    Goal("resumed 1.3 to our full 1.3", "resumed-1.3", "ours 1.3", 0.5, "ours 1.3", "full-1.3"),
    Goal("idle 1.2 after the linger, bytes", "idle", "ours 1.2", 1400, field="late"),
    Goal("idle 1.3 after the linger, bytes", "idle", "ours 1.3", 1400, field="late"),
    Goal("idle 1.2 right away, bytes", "idle", "ours 1.2", 3072, field="early"),
    Goal("idle 1.3 right away, bytes", "idle", "ours 1.3", 3072, field="early"),
    Goal("lost with 512 in flight, 1.2, %", "loss", "ours 1.2", 0, field="lost"),
    Goal("lost with 512 in flight, 1.3, %", "loss", "ours 1.3", 0, field="lost"),
)

NODE = (
    Goal("bulk receive, flood, to dgram", "node-receive", "ours 1.2", 1.0, "dgram"),
    Goal("receive at 20,000 a second to dgram", "node-paced", "ours 1.2", 1.0, "dgram"),
    Goal("echo of 200 peers to dgram", "node-echo", "ours 1.2", 1.2, "dgram"),
    Goal("system calls of an empty recv", "empty-recv", "ours", 1, field="calls"),
)
