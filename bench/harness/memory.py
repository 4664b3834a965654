"""Memory of idle associations, and how a server grows with them."""

import time

from processes import Running
from quantities import SETTLE_S, TIMED, read

BEFORE = 200  # associations that a server has already when counting begins
IDLE = 5_000
LINGER_S = 250  # an association keeps what its peer may still ask for during 4 minutes
FEW, MANY = 1_000, 50_000


def suits(contender):
    return contender.has_handshakes and not contender.only_receives


def measure_idle(bench, contenders, results, linger, progress):
    """RSS of each of many associations after one message each way: right away, and, for all
    contenders at once, after the linger."""
    results.describe("idle", f"idle association, RSS, {IDLE:,} of them", "bytes", "early")
    with Running() as running:
        held = []
        for contender in contenders:
            progress(f"idle associations: {contender.key}")
            server = bench.start_server(running, contender, "echo", 64)
            port = server.counter("port")

            def open_more(count, contender=contender, port=port):
                load = bench.start_load(running, contender, port, "idle", 64, count)
                load.wait_for("ready")

            open_more(BEFORE)
            base = server.rss_bytes()
            open_more(IDLE)
            early = (server.rss_bytes() - base) / IDLE
            held.append((contender, server, base - BEFORE * early, early))
        if linger:
            for left in range(LINGER_S, 0, -1):
                progress(f"idle associations: waiting for the end of their linger, {left} s")
                time.sleep(1)
        for contender, server, base, early in held:
            server.check()
            late = {"late": (server.rss_bytes() - base) / (BEFORE + IDLE)} if linger else {}
            results.add("idle", contender.key, early=early, **late)


def measure_growth(bench, contender, results, window_s):
    """What 50,000 associations cost that 1,000 do not: memory for each, and an echo among them."""
    results.describe("growth", f"from {FEW:,} to {MANY:,} associations, RSS for each", "bytes", "each")
    results.describe("echo-many", f"echo, 64 B, {MANY:,} associations", "ns of CPU")
    echo = next(quantity for quantity in TIMED if quantity.key == "echo")
    with Running() as running:
        server = bench.start_server(running, contender, "echo", 64)
        port = server.counter("port")
        load = bench.start_load(running, contender, port, "echo", 64, MANY, echo.load)
        load.wait_for("established", FEW)
        few = server.rss_bytes()
        load.wait_for("ready", patience_s=600)
        many = server.rss_bytes()
        time.sleep(SETTLE_S)
        before = read(server, load)
        time.sleep(window_s)
        after = read(server, load)
        server.check()
        load.check()
    results.add("growth", contender.key, each=(many - few) / (MANY - FEW))
    events = after["load"]["received"] - before["load"]["received"]
    results.add("echo-many", contender.key, cost=(after["cpu"] - before["cpu"]) / max(events, 1))
