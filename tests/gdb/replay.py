"""A recorded run of threads, carried out again in gdb: it is stepped, and goes back; nothing in it can be another."""
import os

import gdb


def check(condition, text):
    if not condition:
        gdb.write("failed: %s\n" % text)
        gdb.execute("kill")
        gdb.execute("quit 1")


def refused(command, why):
    try:
        gdb.execute(command, to_string=True)
    except gdb.error as problem:
        check(why in str(problem), "%s: %s" % (command, problem))
        return
    check(False, command + " is not refused")


def action():
    return int(gdb.execute("vlot nodes", to_string=True).split("action ")[1].split(",")[0])


gdb.execute("vlot break leader")
gdb.execute("run replay --quiet " + os.environ["JOURNAL"])
refused("vlot kill 1", "recorded run")
gdb.execute("delete")
gdb.execute("vlot step 2")
here, shown = action(), gdb.execute("vlot step 3", to_string=True)
there = action()
check(there > here, "on")
gdb.execute("vlot back")
check(here <= action() < there, "back")
gdb.execute("vlot goto %d" % here)
check(action() == here, "to where it was")
check(gdb.execute("vlot step 3", to_string=True) == shown, "the same again")
forth = {}
for back in (False, True):  # from before and from behind one comes to the same place
    landed = {}
    for target in range(here, there + 1):
        gdb.execute("vlot goto %d" % (there if back else here))
        shown = gdb.execute("vlot goto %d" % target, to_string=True)
        landed[target] = action()
        check(landed[target] == target or "cannot be halved: the nearest to %d" % target in shown, "goto %d: %s" % (target, shown))
        check(not back or landed[target] == forth[target], "goto %d comes to %d and to %d" % (target, landed[target], forth.get(target, 0)))
    forth = landed
gdb.execute("vlot goto %d" % there)
check("BROKEN" not in gdb.execute("vlot check", to_string=True), "what must hold")
gdb.execute("continue")
check(int(gdb.parse_and_eval("$_exitcode")) == 0, "the replay")
print("replay: as it should be")
