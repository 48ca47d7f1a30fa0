"""The prompt and gdb tell the same: at each `why` of a `vlot step` gdb's own chain is held against the prompt's, line by line, and every sentence in
the rings against vlot_event_text().
"""
import os

import gdb
from vlot_gdb import events, find, state, why

STATE, FINDING, DETAIL, EVENT, CAUSE = range(1, 6)  # vlot_reason_kind
FORMS = {STATE: why.STATE, DETAIL: why.DETAIL, EVENT: why.EVENT, CAUSE: why.CAUSE}
EVERYTHING = ["why %d%s" % (node, about) for node in (1, 2, 3) for about in ("", " role", " vote", " term", " log", " commit", " campaign")]

STORIES = {
    "a commit, its no-op, its leader": ["until leader", "propose x=1", "until commit 2 at 2", "why", "until quiet"],
    "a silence": ["until leader", "propose x=1", "until quiet", "link * * loss 60", "propose y=1", "tick 4", *EVERYTHING, "propose z=1", "tick 30", "heal", "tick 40"],
    "a partition and its end": [
        "until leader", "until quiet", "partition 1 | 2 3", "propose a=1 to 1", "tick 90", *EVERYTHING, "propose b=1 to 2", "tick 9", "heal", "tick 60"],
    "orders, copies, timers": [
        "until leader", "duplicate all", "tick 2", "campaign 2", "tick 9", *EVERYTHING, "elect 3", "tick 9", "stepdown 3", "timeout 1", "tick 50"],
    "disks, kills, restarts": [
        "until leader", "propose x=1", "disk 1 delay 9", "tick 3", "propose y=1", "tick 3", *EVERYTHING, "kill 1 power", "tick 80", "restart 1", "suspend 2",
        "tick 90", *EVERYTHING, "resume 2", "restart 3 wipe", "tick 90", "propose q=1", "tick 20"],
}


def fail(text):
    gdb.write("failed: %s\n" % text)
    gdb.execute("kill")
    gdb.execute("quit 1")


def told(view):
    """What the prompt says, but for what stands between how a node is and what happened."""
    explanation = view["told"].dereference()
    rows = [explanation["reasons"][k] for k in range(int(explanation["reason_count"]))]
    first = next((k for k, row in enumerate(rows) if int(row["kind"]) == EVENT), len(rows))
    for row in rows[:1] + rows[first:]:
        text, form = row["text"].string(), FORMS[int(row["kind"])]
        yield form % ((int(row["tick"]), text) if int(row["kind"]) in (EVENT, CAUSE) else text)


def compare_chain(story):
    """At vlot__why_look(). How many lines are the same."""
    cluster, about = find.cluster(), str(gdb.parse_and_eval("ask")).removeprefix("VLOT_ASK_").lower().replace("anything", "change")
    node = int(gdb.parse_and_eval("node")) or state.leader(cluster)
    event = why.find(cluster, node, about) if node else None
    ours = list(why.lines(cluster, node, event, about)) if event is not None else []
    view = gdb.parse_and_eval("view")
    gdb.execute("finish", to_string=True)
    theirs = list(told(view.dereference()))
    if not ours:
        if len(theirs) > 1 and node:
            fail("%s: why %d %s: gdb says nothing, the prompt %s" % (story, node, about, theirs))
        return 0
    if ours != theirs:
        fail("%s: why %d %s\n  gdb\n%s\n  the prompt\n%s" % (story, node, about, "\n".join(ours), "\n".join(theirs)))
    return len(ours)


def compare_sentences(story, seen):
    """Three of each kind, with its why and its message: a call in the process takes its time. How many were looked at, by what they are like."""
    cluster = find.cluster()
    buffer = gdb.parse_and_eval("(char *)malloc(512)")
    for node in [0] + state.ids(cluster):
        for event in events.kept(cluster, node):
            like = event.kind, event.why, why.message_kind(event)
            seen[like] = seen.get(like, 0) + 1
            if seen[like] > 3:
                continue
            gdb.set_convenience_variable("event", event.value.address)
            gdb.set_convenience_variable("out", buffer)
            gdb.parse_and_eval("(unsigned long)vlot_event_text($event, $out, 512)")
            if event.kind != "lint" and buffer.string() != event.sentence():
                fail("%s: gdb says \"%s\", the library \"%s\"" % (story, event.sentence(), buffer.string()))


script = os.environ["SAME"]
gdb.execute("break vlot__why_look")
lines, chains, seen = 0, 0, {}
for story, said in STORIES.items():
    with open(script, "w", encoding="utf-8") as file:
        print(*said, *EVERYTHING, sep="\n", file=file)
    gdb.execute("run step --seed 5 --no-color <%s >%s.out" % (script, script), to_string=True)
    while gdb.selected_inferior().pid:
        lines, chains = lines + compare_chain(story), chains + 1
        if chains % len(EVERYTHING) == 1:
            compare_sentences(story, seen)
        gdb.execute("continue", to_string=True)
if chains < 150 or lines < 1000 or len(seen) < 40:
    fail("%d chains of %d lines, and sentences of %s were compared" % (chains, lines, sorted(seen)))
print("same: as it should be")
