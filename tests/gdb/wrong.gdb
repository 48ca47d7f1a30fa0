# What is wrong is said, and gdb goes on.
python
def say(command):
    print("> " + command)
    try:
        gdb.execute(command)
    except gdb.error as problem:
        print(problem)
for command in ("vlot nodes", "vlot foo", "vlot break bar", "vlot break", "vlot use 1"):
    say(command)
gdb.execute("tbreak look_here")
gdb.execute("run")
for command in ("vlot node 4", "vlot node", "vlot node x", "vlot log 1 9", "vlot diff 1", "vlot thread 1", "vlot trace 0", "vlot why 1 nonsense",
                "vlot use argc", "vlot break leader if", "vlot break leader if nosuch > 1", "vlot break leader 4", "vlot break leader 0",
                "vlot break leader 99999999999999999999999", "print $vlot_role(0)", "print $vlot_term(9)"):
    say(command)
end
