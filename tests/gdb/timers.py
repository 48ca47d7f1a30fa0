"""A clock changes its rate: gdb says when each timer is due as the library itself does, vlot_lockstep_pending()."""
import gdb


def check(condition, text):
    if not condition:
        gdb.write("failed: %s\n" % text)
        gdb.execute("kill")
        gdb.execute("quit 1")


def shown():
    """{node: tick} of `vlot timers`, as far as one is due."""
    rows = [line.split() for line in gdb.execute("vlot timers", to_string=True).splitlines()[2:]]
    return {int(row[0][1:]): int(row[2]) for row in rows if row[2] != "-"}


def listed():
    """{node: tick} of the pending timers, and who is suspended."""
    pending, count, timer = gdb.parse_and_eval("pending"), int(gdb.parse_and_eval("count")), int(gdb.parse_and_eval("VLOT_PENDING_TIMER"))
    found = (pending[k] for k in range(count))
    return {int(one["node"]): int(one["due"]) for one in found if int(one["kind"]) == timer}


gdb.execute("tbreak look_here")
gdb.execute("break compare_here")
gdb.execute("run slow")
rounds, compared, rates = 0, 0, set()
while gdb.newest_frame().name() == "compare_here":
    ours, theirs = shown(), listed()
    is_suspended = "suspended" in gdb.execute("vlot nodes", to_string=True)
    check(set(theirs) <= set(ours) and (is_suspended or len(ours) - len(theirs) == 0), "round %d: %s, and pending are %s" % (rounds, ours, theirs))
    for node, tick in theirs.items():
        check(ours[node] == tick, "round %d: n%d's timer is due at %d, and gdb says %d" % (rounds, node, tick, ours[node]))
        compared += 1
    rates.add(gdb.execute("vlot node 2", to_string=True).split("clock at ")[1].split("/")[0])
    rounds += 1
    gdb.execute("continue")
check(rounds == 50 and compared >= 100, "%d rounds, %d timers compared" % (rounds, compared))
check(rates == {"1000", "300", "1700", "0", "450"}, "the rates: %s" % rates)
gdb.execute("continue")
print("timers: as it should be")
