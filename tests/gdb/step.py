"""A `vlot step` in gdb, with a terminal of its own: stop in a campaign, drop a vote, go back over what was typed and asked, and save it."""
import os
import pty
import select

import gdb

PROMPT = b"] > "


def type_lines(terminal, lines):
    """Another process: types one line at each prompt, as they come through a pipe; one that begins with ! at once: the prompt is there."""
    waiting, shown = b"", b""
    while True:
        for one in select.select([terminal, lines], [], [])[0]:
            data = os.read(one, 65536)
            if not data:
                os._exit(0)
            if one == lines:
                waiting += data
            else:
                shown += data
        if b"\n" in waiting and (PROMPT in shown or waiting.startswith(b"!")):
            line, waiting = waiting.lstrip(b"!").split(b"\n", 1)
            shown = b""
            os.write(terminal, line if line == b"\x03" else line + b"\n")


master, slave = pty.openpty()
from_us, to_typist = os.pipe()
if os.fork() == 0:
    os.close(to_typist)
    type_lines(master, from_us)
gdb.execute("set inferior-tty " + os.ttyname(slave))


def say(command):
    print("> " + command)
    try:
        gdb.execute(command)
    except gdb.error as problem:
        print(problem)


os.write(to_typist, b"until leader\n")
say("vlot break election")
say("run step --threads --seed 3 --no-color")
for command in (
    "vlot nodes", "vlot net", "vlot step", "vlot net", "vlot drop 5", "vlot step 2", "vlot back", "vlot requests", "vlot back 2", "vlot requests",
    "delete", "vlot until $vlot_leader() != 0", "vlot why 3 leader", "vlot back", "vlot net", "vlot drop 6", "vlot step 2"):
    say(command)
os.write(to_typist, b"tick 3\n")
say("vlot break commit")
say("continue")
for command in ("vlot back 3", "vlot net", "vlot save " + os.environ["SAVED"], "vlot save " + os.environ["SAVED"], "vlot save /nowhere/x", "delete"):
    say(command)
os.write(to_typist, b"q\n")
say("continue")

# Stopped by Ctrl-C at the prompt, with nodes on the prompt's own thread; and a scene goes on where it was.
os.write(to_typist, b"next\nnext\nnext\nnext\n\x03\n")
try:
    gdb.execute("run step --no-color " + os.environ["SCENE"], to_string=True)
except gdb.error as problem:
    print(problem)
say("vlot nodes")
say("vlot back")
os.write(to_typist, b"next\n\x03\n")
gdb.execute("continue", to_string=True)
for command in ("vlot nodes", "vlot goto 1", "vlot timeout 1"):
    say(command)
os.write(to_typist, b"step\nq\n")
say("vlot step")
say("continue")

# What was asked in gdb is a line of the session by then, and is said again: to it, over it, and to before everything.
os.write(to_typist, b"next 2\n\x03\n")
try:
    gdb.execute("run step --no-color", to_string=True)
except gdb.error as problem:
    print(problem)
say("vlot kill 3")
os.write(to_typist, b"!next 2\n\x03\n")
gdb.execute("continue", to_string=True)
for command in ("vlot nodes", "vlot goto 3", "vlot nodes"):
    say(command)
os.write(to_typist, b"next 2\n\x03\n")
gdb.execute("continue", to_string=True)
for command in ("vlot nodes", "vlot back", "vlot back 2", "vlot nodes"):
    say(command)
os.write(to_typist, b"kill 2\n")
for command in ("vlot step", "vlot goto 0"):
    say(command)
os.write(to_typist, b"q\n")
say("continue")
os.close(to_typist)
