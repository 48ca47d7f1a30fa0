# A variable outlives the cluster that it points to.
python
def say(command):
    print("> " + command)
    try:
        gdb.execute(command)
    except gdb.error as problem:
        print(problem)
gdb.execute("tbreak vlot_result_name")
gdb.execute("run")
gdb.execute("up")
for command in ("vlot nodes", "vlot net", "vlot check", "vlot step", "vlot kill 1", "vlot use cluster", "vlot use &cluster"):
    say(command)
gdb.execute("kill")
end
