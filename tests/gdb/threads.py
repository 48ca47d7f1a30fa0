"""A cluster of threads is stopped where n becomes leader: the stop is on its thread, and no election comes of it."""
import gdb


def check(condition, text):
    if not condition:
        gdb.write("failed: %s\n" % text)
        gdb.execute("kill")
        gdb.execute("quit 1")


gdb.execute("vlot break leader")
gdb.execute("run threads")
node = int(gdb.parse_and_eval("node"))
check(gdb.selected_thread().name == "vlot-n%d" % node, "stopped on thread " + str(gdb.selected_thread().name))
shown = gdb.execute("vlot nodes", to_string=True)
rows = [line.split() for line in shown.splitlines()[2:]]
check([row[0] for row in rows] == ["n1", "n2", "n3"], shown)
threads = {thread.name: thread.num for thread in gdb.selected_inferior().threads()}
for row in rows:
    check(row[-1] == str(threads.get("vlot-" + row[0])), "thread of " + row[0] + ": " + shown)
term = int(gdb.parse_and_eval("$vlot_term(%d)" % node))  # 1, or more on a machine so busy that a vote is split
check(term >= 1, "its term")
for command in ("vlot node", "vlot net", "vlot timers", "vlot mailbox 1", "vlot trace", "vlot config", "vlot thread 1 frame"):
    check(gdb.execute(command, to_string=True).strip() != "", command)

gdb.execute("shell sleep 2")  # many election timeouts
gdb.execute("delete")
gdb.execute("tbreak look_here")
gdb.execute("continue")
check(int(gdb.parse_and_eval("$vlot_leader()")) == node, "another leader after the stop")
check(int(gdb.parse_and_eval("$vlot_term(%d)" % node)) == term, "another term after the stop")
check("agree up to entry 3" in gdb.execute("vlot diff 1 2", to_string=True), "the logs")
gdb.execute("vlot thread %d" % node)
check(gdb.selected_thread().name == "vlot-n%d" % node, "vlot thread")
try:
    gdb.execute("vlot thread 1 nonsense", to_string=True)
    check(False, "a command that is none")
except gdb.error as problem:
    check("vlot thread: Undefined command" in str(problem) and "Python" not in str(problem), str(problem))
gdb.execute("thread 1")
gdb.execute("continue")
print("threads: as it should be")
