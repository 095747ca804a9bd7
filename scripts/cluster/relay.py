"""
Delays every frame between two network interfaces by a fixed time, for kernels without netem. Owns the queue and the clock of one
link; knows nothing of nodes, and nothing of rates, which the kernel's tbf limits on both sides of it.

    relay.py NEAR FAR DELAY_NANOSECONDS

It works on whole frames below IP, so that whatever crosses the link is delayed alike: ping, TCP, ws, gRPC. Frames are taken as the
kernel holds them, up to 64 KiB with the work of segmenting and of the checksum still to be done (a virtio header says so), so that
bulk data costs one pass for 64 KiB and not for each 1,500 bytes.

The delay counts from the kernel's own stamp of the frame's arrival: how long this process took to wake is part of it, as long as it
took less than the delay. Of what is due soon it waits for the last part in a loop, because a sleep is not that exact.
"""

import errno
import os
import select
import socket
import struct
import sys
import time
from collections import deque

# From linux/if_packet.h and asm-generic/socket.h; Python's socket has no names for them.
SOL_PACKET = 263
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
SO_RCVBUFFORCE = 33
SO_SNDBUFFORCE = 32
SO_TIMESTAMPNS = 35
ETH_P_ALL = 3

BUFFERED = 32 << 20  # bytes the kernel may keep for us while we are busy
LARGEST = 10 + 14 + 4 + 65536  # virtio header, Ethernet header, VLAN tag, payload
ANCILLARY = socket.CMSG_SPACE(16)
AWAKE = 40_000  # ns before something is due, from which on we no longer sleep
LOST = (errno.ENETDOWN, errno.ENOBUFS, errno.EAGAIN)  # the other side is cut or full: a wire loses such frames as well
SANE = 1_000_000_000  # ns: a stamp older than this, or from the future, is a clock that was set


def open_end(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: hears nothing before it is bound
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFERED)
    end.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFERED)
    end.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    end.setblocking(False)
    end.bind((name, ETH_P_ALL))
    return end


def arrival(ancillary, now):
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("=qq", data[:16])
            stamp = seconds * 1_000_000_000 + nanoseconds
            if 0 <= now - stamp < SANE:
                return stamp
    return now


def receive(end, queue, delay, clock=time.time_ns):
    """All that has arrived, at most 64 frames, so that what is due meanwhile goes out."""
    for _ in range(64):
        try:
            frame, ancillary, _, _ = end.recvmsg(LARGEST, ANCILLARY)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENETDOWN:
                raise
            return  # the link was cut, which is said once; it comes back by itself
        queue.append((arrival(ancillary, clock()) + delay, frame))


def deliver(queue, end, clock=time.time_ns):
    while queue and queue[0][0] <= clock():
        frame = queue.popleft()[1]
        try:
            end.send(frame)
        except OSError as error:
            if error.errno not in LOST:
                raise


def main(near, far, delay):
    with open("/proc/self/timerslack_ns", "w", encoding="ascii") as slack:
        slack.write("1")  # the default lets the kernel wake us 50 us late
    ends = (open_end(near), open_end(far))
    queues = {ends[0]: deque(), ends[1]: deque()}  # what came in there, and is to go out at the other
    ways = ((queues[ends[0]], ends[1]), (queues[ends[1]], ends[0]))
    print("ready", flush=True)
    while True:
        for queue, to in ways:
            deliver(queue, to)
        due = min((queue[0][0] for queue, _ in ways if queue), default=None)
        wait = None if due is None else max(0, due - time.time_ns() - AWAKE) / 1e9
        for end in select.select(ends, (), (), wait)[0]:
            receive(end, queues[end], delay)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: relay.py NEAR FAR DELAY_NANOSECONDS")
    os.nice(-10)  # else a busy machine adds to the delay
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
