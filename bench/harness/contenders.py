"""Who is measured by `./dev bench net`, and what each of them is able to do."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Contender:
    key: str
    program: str  # build/bench/bench/dtls_bench_net_<program>
    protocol: str  # what the load speaks with it: plain, records or dtls
    version: str = ""  # of DTLS

    @property
    def has_handshakes(self):
        return self.protocol == "dtls"


ALL = (
    Contender("ours 1.2", "ours", "dtls", "1.2"),
    Contender("ours 1.3", "ours", "dtls", "1.3"),
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


def named(part):
    """Those whose key contains the text."""
    return [contender for contender in ALL if part.lower() in contender.key.lower()]
