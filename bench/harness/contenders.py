"""What is measured, and what each contender is able to do."""

import dataclasses
import pathlib

NODE_PROGRAMS = pathlib.Path(__file__).resolve().parent.parent / "node"


@dataclasses.dataclass(frozen=True)
class Contender:
    key: str
    program: str  # build/bench/bench/dtls_bench_net_<program>
    protocol: str  # what the load speaks with it: plain, records or dtls
    version: str = ""  # of DTLS
    only_receives: bool = False  # differs from another contender in receiving alone

    @property
    def has_handshakes(self):
        return self.protocol == "dtls"

    def command(self, programs):
        program, *arguments = self.program.split()
        return [programs / f"dtls_bench_net_{program}", *arguments]


class NodeContender(Contender):
    """`program` is a file of bench/node, with its own arguments."""

    def command(self, _programs):
        program, *arguments = self.program.split()
        return ["node", NODE_PROGRAMS / program, *arguments]


ALL = (
    Contender("ours 1.2", "ours", "dtls", "1.2"),
    Contender("ours 1.3", "ours", "dtls", "1.3"),
    Contender("ours 1.2, recv", "ours --style recv", "dtls", "1.2", only_receives=True),
    Contender("ours sans-IO 1.2", "sans_io", "dtls", "1.2"),
    Contender("ours sans-IO 1.3", "sans_io", "dtls", "1.3"),
    Contender("OpenSSL 1.2", "openssl", "dtls", "1.2"),
    Contender("GnuTLS 1.2", "gnutls", "dtls", "1.2"),
    Contender("plain UDP", "plain", "plain"),
    Contender("plain UDP, GSO and GRO", "batches", "plain"),
    Contender("prototype", "prototype", "records"),
)

# Why a contender is not in the rows of a version of DTLS, or of handshakes.
ABSENT = (
    "OpenSSL and GnuTLS are not in rows of DTLS 1.3: neither has it as Debian ships it",
    "plain UDP and the prototype are not in rows of handshakes, hellos and memory: they have no "
    "associations",
)

NODE = (
    NodeContender("ours 1.2", "ours.js --style onmessage", "dtls", "1.2"),
    NodeContender("ours 1.3", "ours.js --style onmessage", "dtls", "1.3"),
    NodeContender("ours 1.2, recv", "ours.js --style recv", "dtls", "1.2", only_receives=True),
    NodeContender("dgram", "dgram.js", "plain"),
)
