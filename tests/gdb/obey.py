"""A cluster of threads is asked: the clock obeys. What needs a list of what is under way is refused, and so is going back."""
import re

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


def requests():
    return [line.split() for line in gdb.execute("vlot requests", to_string=True).splitlines()[1:]]


gdb.execute("vlot break leader")
gdb.execute("run obey")
leader = int(gdb.parse_and_eval("node"))
other = leader % 3 + 1
for command in ("vlot drop 9", "vlot duplicate 9", "vlot delay 9 by 3", "vlot hold 9", "vlot release 9", "vlot fire 9", "vlot deliver 9", "vlot timeout 1"):
    refused(command, "Pause it first")
for command in ("vlot step", "vlot tick", "vlot until 1 == 1"):
    refused(command, "runs freely")
for command in ("vlot back", "vlot goto 3"):
    refused(command, "--journal")
refused("vlot save x", "--journal")
refused("vlot spawn %d" % other, "is up")

gdb.execute("delete")
gdb.execute("vlot kill %d" % other)
check(requests() == [["1", "kill", "n%d" % other, "-", "-", "waits"]], str(requests()))
gdb.execute("vlot break kill")
gdb.execute("continue")
check(gdb.selected_thread().name == "vlot-clock", "killed on thread " + str(gdb.selected_thread().name))
check(int(gdb.parse_and_eval("node")) == other, "which node")
refused("vlot kill %d" % other, "is down already")
gdb.execute("delete")
gdb.execute("vlot spawn %d" % other)
gdb.execute("tbreak look_here")
gdb.execute("continue")
check([row[1] + " " + row[2] + " " + row[-1] for row in requests()] == ["kill n%d ok" % other, "spawn n%d ok" % other], str(requests()))
gdb.execute("vlot check")
check(int(gdb.parse_and_eval("cluster->stats.elections")) >= 1, "the elections")
check(int(gdb.parse_and_eval("cluster->seats->seats[%d]->incarnation" % (other - 1))) == 2, "its incarnation")
gdb.execute("continue")

gdb.execute("tbreak look_here")
gdb.execute("run pause")
check("threads, paused" in gdb.execute("vlot nodes", to_string=True), "paused")
check(gdb.execute("vlot requests", to_string=True).startswith("nothing"), "the requests of another run")
gdb.execute("vlot kill 2")
shown = gdb.execute("vlot step", to_string=True)
check("n2 stops running" in shown and "A debugger asks: kill n2, and gets: ok" in shown, shown)
check("down" in gdb.execute("vlot nodes", to_string=True), "the killed one")
gdb.execute("vlot timeout 1")
shown = gdb.execute("vlot step", to_string=True)
check("A debugger asks: timeout n1, and gets: ok" in shown, shown)
refused("vlot back", "--journal")
gdb.execute("vlot spawn 2")
gdb.execute("vlot step 2")
gdb.execute("delete")
gdb.execute("continue")

# Each node on a thread of its own, in lockstep: the same words.
gdb.execute("vlot break election")
gdb.execute("run own")
check(gdb.selected_thread().name == "vlot-n1", "stopped on thread " + str(gdb.selected_thread().name))
first = gdb.execute("vlot step", to_string=True)
check("n1 sends n2 RequestVote of term 1" in first, first)
second = gdb.execute("vlot step 3", to_string=True)
gdb.execute("vlot back 3")
check(gdb.execute("vlot step 3", to_string=True) == second, second)
check(gdb.breakpoints()[0].enabled, "the user's breakpoint after going back")


class Interrupt(gdb.Function):
    """Ctrl-C at the fifth look."""

    looks = 0

    def invoke(self):
        import os
        import signal

        Interrupt.looks += 1
        if Interrupt.looks == 5:
            os.kill(gdb.selected_inferior().pid, signal.SIGINT)
        return 0


Interrupt("interrupt")
shown = gdb.execute("vlot until $interrupt() == 1", to_string=True)
check("Stopped before it came." in shown, shown)
check("action" in gdb.execute("vlot step", to_string=True), "it goes on")

# Words that the prompt has too mean the same here.
gdb.execute("vlot until leader")
number = int(gdb.parse_and_eval("$vlot_leader()"))
check(number != 0, "until leader")
check("holds already" in gdb.execute("vlot until leader n%d" % number, to_string=True), "until leader, again")
check("holds already" in gdb.execute("vlot until role %d leader" % number, to_string=True), "until role")
refused("vlot until leader 9", "no node 9")
gdb.execute("vlot until commit 1 at %d" % (number % 3 + 1))
check(int(gdb.parse_and_eval("$vlot_node(%d)->raft->commit_index" % (number % 3 + 1))) >= 1, "until commit")
gdb.execute("vlot until quiet")
check("under way  nothing" in gdb.execute("vlot net", to_string=True), "until quiet")
gdb.execute("vlot timeout %d" % number)
gdb.execute("vlot step")
under_way = re.search(r"#(\d+)", gdb.execute("vlot net", to_string=True)).group(1)
gdb.execute("vlot deliver %s" % under_way)
shown = gdb.execute("vlot step", to_string=True)
check("A debugger asks: deliver %s, and gets: ok" % under_way in shown and "takes from n%d" % number in shown, shown)
check("#%s " % under_way not in gdb.execute("vlot net", to_string=True), "what was delivered")
gdb.execute("delete")
gdb.execute("continue")
print("obey: as it should be")
