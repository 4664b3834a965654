#!/usr/bin/env python3
"""The module in Node beside Node's own dgram: CPU time and throughput, and the system calls of a
recv that finds nothing."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import contenders
import goals
import quantities
from processes import Fault, Running, alone, cores, make_certificates
from publish import add_options, publish
from results import Progress, Results
from rounds import is_wanted, measure_rounds

KEYS = [*(quantity.key for quantity in quantities.NODE), "empty-recv"]
CALLS = 1000


def options():
    parser = argparse.ArgumentParser(prog="./dev bench node", description=__doc__)
    quick = "few short rounds: half a minute"
    return add_options(parser, "node", KEYS, quick, rounds=(11, 2), window_s=(1.0, 0.4))


def count_calls(bench, folder, calls):
    """The system calls of a program that reads an empty connection so many times, by name."""
    summary = pathlib.Path(folder) / "strace"
    with Running() as running:
        server = bench.start_server(running, contenders.ALL[1], "echo", 64)
        program = contenders.NODE_PROGRAMS / "empty_recv.js"
        command = ["strace", "-f", "-c", "-U", "name,calls", "-o", summary, "node", program]
        command += ["--server", server.counter("port"), "--calls", calls]
        reader = running.start(command, cores()[1], folder, "reader")
        reader.wait_for("ready")
        reader.wait_for_end()
    found = re.findall(r"^(\w+)\s+(\d+)$", summary.read_text(), re.MULTILINE)
    return {name: int(number) for name, number in found if name != "total"}


def measure_empty_recv(bench, folder, results):
    """Twice, so that starting, connecting and ending cancel out."""
    if shutil.which("strace") is None:
        results.notes.append("system calls of an empty recv: strace is not here, not measured")
        return
    few, many = count_calls(bench, folder, 0), count_calls(bench, folder, CALLS)
    each = {name: (number - few.get(name, 0)) / CALLS for name, number in many.items()}
    results.describe("empty-recv", "Node, recv that finds nothing", "system calls", "calls")
    results.add("empty-recv", "ours", calls=round(sum(each.values()), 2))
    names = [f"{number:.1f} {name}" for name, number in each.items() if number >= 0.05]
    results.notes.append(f"system calls of an empty recv: {', '.join(names) or 'none'}")


def run(chosen):
    native = pathlib.Path(os.environ.get("DTLS_NATIVE", ""))
    if not native.is_file():
        raise Fault("set DTLS_NATIVE to the path of dtls_node.node")
    results = Results("The module in Node, beside dgram")
    progress = Progress()
    with tempfile.TemporaryDirectory(prefix="dtls-bench-") as folder:
        bench = quantities.Bench(chosen.programs, folder, make_certificates(folder), cores())
        measure_rounds(chosen, bench, quantities.NODE, contenders.NODE, results, progress)
        if is_wanted(chosen, "empty-recv"):
            measure_empty_recv(bench, folder, results)
    publish(results, ("dgram",), goals.NODE, chosen, progress)


if __name__ == "__main__":
    try:
        chosen = options()
        with alone():
            run(chosen)
    except Fault as fault:
        sys.exit(f"bench: {fault}")
    except subprocess.SubprocessError as error:
        sys.exit(f"bench: {error}")
