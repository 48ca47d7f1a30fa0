"""The few words of a cluster's memory that are written: requests, and where it is to stop."""
import sys

import gdb

from . import describe, find


def require_process(what):
    """Not a core file, and not a program that has not been started."""
    inferior = gdb.selected_inferior()
    kind = getattr(getattr(inferior, "connection", None), "type", None)
    if inferior.pid == 0 or kind is None and not inferior.threads():
        raise gdb.GdbError("%s: the program is not running (`run`, `start`, or attach to one)" % what)
    if kind == "core":
        raise gdb.GdbError("%s: this is a core file, nothing goes on in it; the commands that only read work here" % what)
    thread = gdb.selected_thread()
    if thread is None or thread.is_running():
        raise gdb.GdbError("%s: the program runs; stop it first (Ctrl-C)" % what)


def write(thing, name, number):
    """A field that is a number."""
    address, size = describe.place(thing, name)
    gdb.selected_inferior().write_memory(address, int(number).to_bytes(size, sys.byteorder))


def write_bytes(thing, name, data):
    """A field of bytes; those that are not given are 0."""
    address, size = describe.place(thing, name)
    gdb.selected_inferior().write_memory(address, (bytes(data) + bytes(size))[:size])


def arm(cluster, steps=0, action=0, tick=None):
    """Come by vlot__stop_here: at the end of an action, after so many or from this one on, or when time stands at a tick by which nothing is
    due any more; nothing: never."""
    block = cluster.requests
    write(block, "steps", steps)
    write(block, "stop_action", action)
    write(block, "stop_before", 0 if tick is None else tick + 1)
    write(block, "is_armed", 1 if steps or action or tick is not None else 0)


def disarm(cluster):
    """Whatever has become of it meanwhile."""
    try:
        if gdb.selected_inferior().pid != 0 and find.is_cluster(cluster):
            arm(cluster)
    except (gdb.error, gdb.GdbError):
        pass
