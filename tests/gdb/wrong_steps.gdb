# What cannot be asked, or gone to, is said before anything is written.
python
def say(command):
    print("> " + command)
    try:
        gdb.execute(command)
    except gdb.error as problem:
        print(problem)
for command in ("vlot step", "vlot drop 3", "vlot kill 1", "vlot back", "vlot requests", "vlot check", "vlot save x"):
    say(command)
gdb.execute("vlot break election")
gdb.execute("run")
for command in ("vlot drop", "vlot drop x", "vlot drop 99", "vlot drop t1", "vlot duplicate t1", "vlot delay t1 by 5", "vlot delay 3 by 0", "vlot release 3",
                "vlot kill 4", "vlot kill 0", "vlot kill", "vlot kill 1 now", "vlot spawn 1", "vlot resume 1", "vlot restart 1 maybe",
                "vlot stepdown 2", "vlot timeout 7", "vlot partition", "vlot partition 1 2 3", "vlot partition 1 | 1", "vlot partition 1 | 4",
                "vlot heal 3", "vlot step 0", "vlot step x", "vlot step 1.5", "vlot step 99999999999999999999999", "vlot tick -1", "vlot until", "vlot until nonsense", "vlot receive nonsense",
                "vlot receive to", "vlot receive VoteReply to 9", "vlot back 99", "vlot back 0", "vlot goto", "vlot goto -1", "vlot goto 9999999999999999999",
                "vlot receive PreVote from 1 to 1", "vlot receive from 0",
                "vlot requests 1", "vlot check 1", "vlot save", "vlot save x"):
    say(command)
for _ in range(9):
    say("vlot heal")
gdb.execute("delete")
say("vlot goto 100000")
# With the program its list of verbs is gone.
for command in ("vlot kill 1", "vlot kill", "vlot drop 999", "vlot hold zz", "vlot partition 1 | 2", "vlot link 1 2 loss 3", "vlot nodes",
                "vlot tick 3"):
    say(command)
end
