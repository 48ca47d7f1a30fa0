"""The write commands: a request is written into the cluster's memory, and the cluster carries it out when it goes on."""
import gdb

from . import find, memory, parse, state, words

SLOW_NS = 1000000000  # the clock sleeps no longer than that


class Asked:
    """What was asked of this process's cluster: (number of the last action then, kind, node, id, value, sides)."""

    list = []


def forget(_event=None):
    Asked.list = []


def kind_number(name):
    try:
        found = {field.name: field.enumval for field in gdb.lookup_type("enum vlot_request_kind").fields()}
        return found["VLOT_REQUEST_" + {"DUP": "DUPLICATE"}.get(name.upper(), name.upper())]
    except (gdb.error, KeyError):
        raise gdb.GdbError("this program's vlot library knows no request \"%s\"" % name)


def known(cluster):
    """The list, if it is this cluster's: the prompt may have begun it anew."""
    if int(memory.requests(cluster)["asked"]) != len(Asked.list):
        Asked.list = []
    return Asked.list


def put(cluster, request):
    """Write one. request: as in Asked."""
    _action, kind, node, number, value, sides = request
    block = memory.requests(cluster)
    asked, done = int(block["asked"]), int(block["done"])
    first, last = block["ring"].type.range()
    size = last - first + 1
    if asked - done >= size:
        raise gdb.GdbError("%d requests wait already: let the cluster carry them out first (`vlot step %d`, `continue`)" % (asked - done, size))
    place = block["ring"][asked % size]
    for field, content in (("kind", kind), ("node", node), ("id", number), ("value", value), ("action", 0), ("tick", 0), ("result", 0)):
        memory.write(place[field], content)
    length = place["sides"].type.sizeof
    memory.write_bytes(place["sides"], (bytes(sides) + bytes(length))[:length])
    memory.write(block["asked"], asked + 1)


def when(cluster):
    """When will it be carried out?"""
    if state.is_stepped(cluster):
        return "the next action" + ("" if state.driver(cluster) != "threads, paused" else ", when the paused cluster is stepped or goes on")
    tick = int(cluster["options"]["tick_ns"])
    planned, now = int(cluster["clock"]["planned"]), state.now(cluster)
    left = SLOW_NS if planned == words.NEVER else min(max(planned - now, 1) * tick, SLOW_NS)
    return "by the clock, within about %d ms of going on" % -(-left // 1000000)


def ask(cluster, name, said, node=0, number=0, value=0, sides=()):
    if int(cluster["replay"]):
        raise gdb.GdbError("vlot %s: this is a recorded run that is carried out again: nothing in it can be another" % name)
    known_before = known(cluster)
    request = (int(cluster["action"]), kind_number(name), node, number, value, bytes(sides))
    put(cluster, request)
    known_before.append(request)
    print("request %d: %s; carried out %s%s" % (
        len(known_before), said, "as " if state.is_stepped(cluster) else "", when(cluster)))


# --- what is asked for must be there ---


def lockstep(cluster, what):
    if not state.is_stepped(cluster):
        raise gdb.GdbError(
            "%s: in a cluster that runs freely messages are in its threads' hands. Pause it first (vlot_cluster_pause, `vlot run --step-on "
            "EVENT`), or use lockstep (`vlot gdb step`)" % what)


def pending(cluster, number, what):
    lockstep(cluster, what)
    for item in state.pending(cluster):
        if int(item.id) == number:
            return item
    raise gdb.GdbError("%s: nothing with the id %d is under way (any more); `vlot net` lists what is" % (what, number))


def of_pending(name, meaning):
    """drop, dup, hold, release, fire: the same but for what they are allowed on."""
    usage = "vlot %s ID" % name

    def action(text):
        memory.require_process("vlot " + name)
        number = parse.number(parse.arguments(text, 1, 1, usage)[0].rstrip(","), usage)
        cluster = find.cluster()
        item = pending(cluster, number, "vlot " + name)
        if name == "drop" and not item.mail_kind:
            raise gdb.GdbError("vlot drop: #%d is %s, and only mail can be dropped" % (number, item.what()))
        if name == "dup" and words.enum("vlot__mail_kind", "VLOT__MAIL_", item.mail_kind) != "message":
            raise gdb.GdbError("vlot dup: #%d is %s, and only messages between nodes may come twice" % (number, item.what()))
        if name in ("hold", "release") and item.is_held == (name == "hold"):
            raise gdb.GdbError("vlot %s: #%d is %s" % (name, number, "held already" if item.is_held else "not held"))
        ask(cluster, name, "%s #%d %s" % (name, number, item.what()), number=number)

    return action, "%s: %s." % (meaning, usage)


def delay(text):
    usage = "vlot delay ID TICKS"
    memory.require_process("vlot delay")
    given = parse.arguments(text, 2, 2, usage)
    number, ticks = parse.number(given[0], usage), parse.count(given[1], usage)
    cluster = find.cluster()
    item = pending(cluster, number, "vlot delay")
    if item.kind == "timer":
        raise gdb.GdbError("vlot delay: #%d is %s; a timer is due when its node says so: hold it" % (number, item.what()))
    ask(cluster, "delay", "delay #%d %s by %s" % (number, item.what(), words.counted(ticks, "tick", "ticks")), number=number, value=ticks)


HOWS = {"keep": 0, "lose": 1, "wipe": 2}


def restart(text):
    usage = "vlot restart N [keep|lose|wipe]"
    memory.require_process("vlot restart")
    given = parse.arguments(text, 1, 2, usage)
    how = given[1] if len(given) > 1 else "keep"
    if how not in HOWS:
        raise gdb.GdbError("vlot restart: the disk can be kept (keep), lose what is not synced (lose) or be blank (wipe), not \"%s\"" % how)
    cluster = find.cluster()
    one = state.slot(cluster, parse.number(given[0], usage))
    if how == "wipe" and not int(one.value["disk"]):
        raise gdb.GdbError("vlot restart: n%d has a storage of its own, which cannot be wiped from here" % one.id)
    ask(cluster, "restart", "restart n%d with its disk %s" % (one.id, {"keep": "kept", "lose": "as after a power cut", "wipe": "wiped"}[how]),
        node=one.id, value=HOWS[how])


def refusal(name, one, cluster):
    """Why this cannot be done to a node in its state; None."""
    state_now = one.state
    if name == "spawn":
        return None if state_now == "down" else "is up"
    if state_now == "down":
        return "is down already" if name == "kill" else "is down: `vlot spawn %d` starts it" % one.id
    if name == "suspend":
        return "is suspended already" if state_now == "suspended" else "is fenced" if state_now == "fenced" else None
    if name == "resume":
        return None if state_now == "suspended" else "is not suspended"
    if name == "timeout":
        lockstep(cluster, "vlot timeout")
        if state_now != "up":
            return "is %s: no timer of it runs" % state_now
        if not any(item.kind == "timer" and item.node == one.id for item in state.pending(cluster)):
            return "has no timer now"
    if name == "stepdown" and one.role == "follower":
        return "is a follower: there is nothing to step down from"
    if name in ("campaign", "elect") and one.role == "leader":
        return "leads already"
    return None


def of_node(name, said, meaning):
    usage = "vlot %s N%s" % (name, " [lose]" if name == "kill" else "")

    def action(text):
        memory.require_process("vlot " + name)
        given = parse.arguments(text, 1, 2 if name == "kill" else 1, usage)
        if len(given) > 1 and given[1] != "lose":
            raise gdb.GdbError("usage: %s (lose: a power cut, what is not synced may be lost)" % usage)
        cluster = find.cluster()
        one = state.slot(cluster, parse.number(given[0], usage))
        problem = refusal(name, one, cluster)
        if problem:
            raise gdb.GdbError("vlot %s: n%d %s" % (name, one.id, problem))
        ask(cluster, name, said % one.id + (" by a power cut" if len(given) > 1 else ""), node=one.id, value=len(given) - 1)

    return action, "%s: %s." % (meaning, usage)


def sides_of(text, nodes):
    """1 | 2 3 (or 1|2,3): who is on which side; who is not named stands alone together."""
    sides = [0] * nodes
    for k, group in enumerate(text.split("|")):
        for word in group.replace(",", " ").split():
            node = parse.number(word, "vlot partition")
            if not 1 <= node <= nodes:
                raise gdb.GdbError("no node %d: this cluster has nodes 1 to %d" % (node, nodes))
            if sides[node - 1]:
                raise gdb.GdbError("vlot partition: n%d is named twice" % node)
            sides[node - 1] = k + 1
    return sides


def partition(text):
    memory.require_process("vlot partition")
    cluster = find.cluster()
    nodes = int(cluster["nodes"])
    room = memory.requests(cluster)["ring"][0]["sides"].type.sizeof
    if nodes > room:
        raise gdb.GdbError("vlot partition: for clusters of at most %d nodes" % room)
    sides = sides_of(text, nodes)
    if len(set(sides)) < 2:
        raise gdb.GdbError("usage: vlot partition 1 | 2 3: the groups that cannot talk to each other; who is not named forms one of its own")
    groups = [",".join(words.node(k + 1) for k in range(nodes) if sides[k] == side) for side in sorted(set(sides), key=sides.index)]
    ask(cluster, "partition", "partition " + " | ".join(groups), sides=sides)


def heal(text):
    parse.arguments(text, 0, 0, "vlot heal")
    memory.require_process("vlot heal")
    ask(find.cluster(), "heal", "heal all links")


def show_requests(text):
    parse.arguments(text, 0, 0, "vlot requests")
    cluster = find.cluster()
    block = memory.requests(cluster)
    asked, done = int(block["asked"]), int(block["done"])
    first, last = block["ring"].type.range()
    size = last - first + 1
    if asked == 0:
        print("nothing has been asked of this cluster")
        return
    rows = []
    for number in range(max(asked - size, 0), asked):
        one = block["ring"][number % size]
        name = words.enum("vlot_request_kind", "VLOT_REQUEST_", one["kind"])
        what = words.node(one["node"]) if int(one["node"]) else "#%d" % int(one["id"]) if int(one["id"]) else ""
        is_done = number < done
        result = words.enum("vlot_result", "VLOT_", one["result"]) if is_done else "waits"
        rows.append([number + 1, name, what, int(one["action"]) or "-" if is_done else "-", int(one["tick"]) if is_done else "-", result])
    words.table(["request", "kind", "of", "action", "tick", "result"], rows)



COMMANDS = {
    "drop": of_pending("drop", "Something under way never arrives"),
    "dup": of_pending("dup", "A copy of a message is under way too"),
    "delay": (delay, "Something under way is due so many ticks later: vlot delay ID TICKS."),
    "hold": of_pending("hold", "Something under way waits until it is released"),
    "release": of_pending("release", "What was held may come"),
    "fire": of_pending("fire", "A message arrives now, a timer fires, a write completes"),
    "partition": (partition, "Cut all links between groups of nodes: vlot partition 1 | 2 3."),
    "heal": (heal, "All links are clean again: vlot heal."),
    "kill": of_node("kill", "kill n%d", "A node stops running"),
    "spawn": of_node("spawn", "spawn n%d", "A node that is down starts"),
    "restart": (restart, "A node is started again: vlot restart N [keep|lose|wipe]."),
    "suspend": of_node("suspend", "suspend n%d", "A node stands still, its mail waits"),
    "resume": of_node("resume", "resume n%d", "A suspended node goes on"),
    "timeout": of_node("timeout", "fire n%d's timer", "A node's next timer fires now"),
    "campaign": of_node("campaign", "n%d campaigns", "A node is told to campaign, with a pre-vote as if its timer had fired"),
    "elect": of_node("elect", "n%d campaigns at once", "A node is told to raise its term and ask for votes"),
    "stepdown": of_node("stepdown", "n%d steps down", "A leader is told to step down"),
    "requests": (show_requests, "What was asked last, and what came of it."),
}
