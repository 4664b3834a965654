"""A UDP relay for one client that tells what passes through it.

usage: relay.py host server-port

It prints "port N", then a line for each datagram in the order of arrival:

    > TTL TYPE EPOCH HANDSHAKE SIZE    from the client; "<": from the server

with the TTL (hop limit) that the packet came with, the content type of its first record, the epoch
of its last one, and the type of its first handshake message (- where it is none or encrypted).
Commands, one a line:

    sync     answers "synced" once everything that had arrived is told and passed on
    mute     passes nothing on from now on
    after N  passes on N more datagrams of the client, then mutes
    noise    sends the server a datagram that is no record
"""

import os
import selectors
import socket
import sys

IP_RECVTTL = 12  # linux/in.h; Python has no name for it
HANDSHAKE = 22
RECORD_HEADER = 13  # type, version (2), epoch (2), sequence number (6), length (2)

host, server_port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in host else socket.AF_INET


def open_socket():
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    sock.bind((host, 0))
    return sock


front, back = open_socket(), open_socket()
back.connect((host, server_port))
client = None
muted = False
budget = None


def ttl_of(ancillary):
    for level, kind, data in ancillary:
        if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL),
                             (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
            return int.from_bytes(data, sys.byteorder)
    return -1


def number(octets):
    return int.from_bytes(octets, "big")


def tell(direction, ttl, datagram):
    kind, message, epoch = 0, "-", 0
    if len(datagram) > RECORD_HEADER:
        kind = datagram[0]
        if kind == HANDSHAKE and number(datagram[3:5]) == 0:
            message = datagram[RECORD_HEADER]
    start = 0
    while len(datagram) - start > RECORD_HEADER:
        epoch = number(datagram[start + 3:start + 5])
        start += RECORD_HEADER + number(datagram[start + 11:start + 13])
    print(direction, ttl, kind, epoch, message, len(datagram), flush=True)


def take(sock, direction):
    """Passes on what waits in the socket; False if nothing did."""
    global client, muted, budget
    try:
        datagram, ancillary, _, sender = sock.recvmsg(65535, 512)
    except BlockingIOError:
        return False
    except ConnectionRefusedError:
        return True  # the server's side has closed
    tell(direction, ttl_of(ancillary), datagram)
    if sock is front:
        client = sender
        if budget is not None:
            budget -= 1
            muted = muted or budget < 0
    if muted:
        return True
    try:
        if sock is front:
            back.send(datagram)
        elif client is not None:
            front.sendto(datagram, client)
    except ConnectionRefusedError:
        pass
    return True


def drain():
    busy = True
    while busy:
        busy = take(front, ">")
        busy = take(back, "<") or busy


def obey(command):
    global muted, budget
    if command == "sync":
        drain()
        print("synced", flush=True)
    elif command == "mute":
        muted = True
    elif command == "noise":
        back.send(b"no record at all")
    elif command.startswith("after "):
        budget = int(command.split()[1])


selector = selectors.DefaultSelector()
for readable in (0, front, back):
    selector.register(readable, selectors.EVENT_READ)
print("port", front.getsockname()[1], flush=True)
while True:
    for key, _ in selector.select():
        if key.fd != 0:
            drain()
            continue
        commands = os.read(0, 4096)
        if not commands:
            sys.exit(0)
        for line in commands.decode().split("\n"):
            obey(line.strip())
