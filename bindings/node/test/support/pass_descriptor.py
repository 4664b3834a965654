"""Passes a descriptor over a UNIX socket (SCM_RIGHTS, unix(7)).

usage: pass_descriptor.py send PATH                    sends descriptor 3
       pass_descriptor.py receive PATH COMMAND ARG...  receives one, and becomes the command with its
                                                       number as one more argument
"""

import os
import socket
import struct
import sys

mode, path = sys.argv[1:3]
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if mode == "send":
    right = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", 3))
    sock.sendmsg([b"here"], [right], 0, path)
else:
    sock.bind(path)
    print("waiting", flush=True)
    size = socket.CMSG_SPACE(struct.calcsize("i"))
    _, ((_, _, data),), _, _ = sock.recvmsg(16, size)
    (descriptor,) = struct.unpack("i", data)
    os.set_inheritable(descriptor, True)
    command = sys.argv[3:] + [str(descriptor)]
    os.execvp(command[0], command)
