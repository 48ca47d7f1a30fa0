"""The verbs that can be asked: a request is written into the cluster's memory, and the cluster carries it out when it goes on. Which there are,
and what follows them, says the program (verbs.py); here is only what must be so before one is asked, and how it is told.
"""
import collections
import sys

import gdb

from . import describe, find, memory, parse, state, verbs, words

WIPE = 2  # VLOT_RESTART_WIPE
SLOW_NS = 1000000000  # the clock sleeps no longer than that


# When it was asked: the number of the last action then, the tick, and how many had passed since without another action; and what.
Request = collections.namedtuple("Request", "action kind node id value ids tick idle")


class Asked:
    """What was asked of this process's cluster: Requests."""

    list = []


def forget(_event=None):
    Asked.list = []


def known(cluster):
    """The list, if it is this cluster's: the prompt may have begun it anew."""
    if cluster.requests.asked != len(Asked.list):
        Asked.list = []
    return Asked.list


def idle(cluster):
    """Ticks that have passed since the last action."""
    return cluster.now - cluster.idle_from if cluster.idle_action == cluster.action else 0


def put(cluster, request):
    """Write one."""
    kind, node, number, value, ids = request[1:6]
    block = cluster.requests
    asked, done, size = block.asked, block.done, len(block.ring)
    if asked - done >= size:
        raise gdb.GdbError("%d requests wait already: let the cluster carry them out first (`vlot step %d`, `continue`)" % (asked - done, size))
    place = block.ring[asked]
    for field, content in (("kind", kind), ("node", node), ("id", number), ("value", value), ("action", 0), ("tick", 0), ("result", 0)):
        memory.write(place, field, content)
    memory.write(place, "id_count", len(ids))
    memory.write_bytes(place, "ids", b"".join(one.to_bytes(4, sys.byteorder) for one in ids))
    memory.write(block, "asked", asked + 1)


def when(cluster):
    """When will it be carried out?"""
    if cluster.driver.is_stepped:
        return "the next action" + ("" if state.driver(cluster) != "threads, paused" else ", when the paused cluster is stepped or goes on")
    tick = int(cluster.options["tick_ns"])
    planned, now = cluster.clock.planned, state.now(cluster)
    left = SLOW_NS if planned == words.NEVER else min(max(planned - now, 1) * tick, SLOW_NS)
    return "by the clock, within about %d ms of going on" % -(-left // 1000000)


def ask(cluster, verb, said, told, ids=()):
    if cluster.replay:
        raise gdb.GdbError("vlot %s: this is a recorded run that is carried out again: nothing in it can be another" % verb.name)
    known_before = known(cluster)
    request = Request(cluster.action, verb.request, said.node, said.id, said.value, list(ids), cluster.now, idle(cluster))
    put(cluster, request)
    known_before.append(request)
    print("request %d: %s; carried out %s%s" % (
        len(known_before), told, "as " if cluster.driver.is_stepped else "", when(cluster)))


# --- what is asked for must be there ---


def lockstep(cluster, what):
    if not cluster.driver.is_stepped:
        raise gdb.GdbError(
            "%s: in a cluster that runs freely messages are in its threads' hands. Pause it first (vlot_cluster_pause, `vlot run --step-on "
            "EVENT`), or use lockstep (`vlot gdb step`)" % what)


def pending(cluster, number, what):
    lockstep(cluster, what)
    for item in state.pending(cluster):
        if int(item.id) == number:
            return item
    raise gdb.GdbError("%s: nothing with the id %s is under way (any more); `vlot net` lists what is" % (what, words.pending(number)))


def refusal_of_pending(name, item):
    """Why this cannot be done to it; None."""
    if name == "drop" and not item.mail_kind:
        return "%s, and only mail can be dropped" % item.what()
    if name == "duplicate" and describe.word("mail_kind", item.mail_kind) not in ("message", "forward"):
        return "%s, and only messages between nodes may come twice" % item.what()
    if name == "delay" and item.kind == "timer":
        return "%s; a timer is due when its node says so: hold it" % item.what()
    if name in ("hold", "release") and item.is_held == (name == "hold"):
        return "held already" if item.is_held else "not held"
    return None


OF_RUNNING = ("kill", "suspend", "resume", "timeout", "campaign", "elect", "stepdown")


def refusal(name, one, cluster, value):
    """Why this cannot be done to a node in its state; None. A verb that is not named here is asked of any node: the cluster answers."""
    state_now = one.state
    if name == "restart":
        return "has a storage of its own, which cannot be wiped from here" if value == WIPE and not one.value.disk else None
    if name == "spawn":
        return None if state_now == "down" else "is up"
    if state_now == "down" and name in OF_RUNNING:
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


def sides_of(cluster, text):
    """1 | 2 3 (or 1|2,3): {member: its side}; who is not named stands alone together, on side 0."""
    sides = dict.fromkeys(state.ids(cluster), 0)
    for k, group in enumerate(text.split("|")):
        for word in group.replace(",", " ").split():
            node = parse.number(word, "vlot partition")
            if node not in sides:
                raise state.no_node(cluster, node)
            if sides[node]:
                raise gdb.GdbError("vlot partition: n%d is named twice" % node)
            sides[node] = k + 1
    return sides


def groups_of(sides):
    """[(side, its members)], in the order of their first members."""
    return [(side, [one for one in sides if sides[one] == side]) for side in dict.fromkeys(sides.values())]


def ids_of(sides):
    """The members of each side that was named, with a 0 between two sides."""
    named = [group for side, group in sorted(groups_of(sides)) if side]
    return [one for k, group in enumerate(named) for one in ([0] if k else []) + group]


def sides_asked(cluster, verb, said):
    """The ids for the request, and how they are told."""
    room = len(cluster.requests.ring[0].ids) // 4
    sides = sides_of(cluster, " ".join(said.words))
    ids = ids_of(sides)
    if len(ids) > room:
        raise gdb.GdbError("vlot %s: name at most %d nodes, and sides" % (verb.name, room))
    if len(set(sides.values())) < 2:
        raise gdb.GdbError("%s: the groups that cannot talk to each other, such as 1 | 2 3; who is not named forms one of its own" % verb.usage())
    groups = [",".join(words.node(one) for one in group) for _side, group in groups_of(sides)]
    return ids, " ".join([verb.name] + [" | ".join(groups)])


# --- how it is told, where the verb's own words say too little ---

TOLD = {"timeout": "fire %s's timer", "campaign": "%s campaigns", "elect": "%s campaigns at once", "stepdown": "%s steps down", "heal": "heal all links"}
VALUES = {
    "power": "by a power cut", "keep": "with its disk kept", "lose": "with its disk as after a power cut", "wipe": "with its disk wiped"}


def value_told(said):
    parameter = said.value_of
    if parameter is None:
        return ""
    if parameter.type == "number":
        unit = words.counted(said.value, "tick", "ticks") if parameter.name == "TICKS" else str(said.value)
        return " " + ("%s %s" % (parameter.keyword, unit)).strip()
    word = parameter.keyword if parameter.type == "flag" else parameter.meaning.split("|")[said.value]
    return " " + VALUES.get(word, word)


def say(name, line):
    """A verb that a debugger may ask, and what follows it. The list of verbs may be gone with the program that had it."""
    memory.require_process("vlot " + name)
    verbs.require()
    verb = verbs.named(name)
    if verb is None or not verb.request:
        raise gdb.GdbError(verbs.unknown(name))
    said = verbs.read(verb, line)
    cluster = find.cluster()
    asks, told, ids = [one.asks for one in verb.parameters], verb.name, ()
    for one in verb.parameters:
        if one.type == "choice" and one.asks == "value" and said.value_of is None:
            said.value_of = one  # the first, unless said: that is told too
    if "id" in asks:
        item = pending(cluster, said.id, "vlot " + verb.name)
        problem = refusal_of_pending(verb.name, item)
        if problem:
            raise gdb.GdbError("vlot %s: #%s is %s" % (verb.name, words.pending(said.id), problem))
        told += " #%s %s" % (words.pending(said.id), item.what())
    if "node" in asks:
        one = state.seat(cluster, said.node)
        problem = refusal(verb.name, one, cluster, said.value)
        if problem:
            raise gdb.GdbError("vlot %s: n%d %s" % (verb.name, one.id, problem))
        told += " n%d" % one.id
    if "sides" in asks:
        ids, told = sides_asked(cluster, verb, said)
    if verb.name in TOLD:
        told = TOLD[verb.name].replace("%s", "n%d" % said.node)
    ask(cluster, verb, said, told + value_told(said), ids)


def show_requests(text):
    parse.arguments(text, 0, 0, "vlot requests")
    cluster = find.cluster()
    block = cluster.requests
    asked, done, size = block.asked, block.done, len(block.ring)
    if asked == 0:
        print("nothing has been asked of this cluster")
        return
    rows = []
    for number in range(max(asked - size, 0), asked):
        one = block.ring[number]
        name = words.enum("vlot_request_kind", "VLOT_REQUEST_", one.kind)
        what = words.node(one.node) if one.node else "#%s" % words.pending(one.id) if one.id else ""
        is_done = number < done
        result = words.enum("vlot_result", "VLOT_", one.result) if is_done else "waits"
        rows.append([number + 1, name, what, one.action or "-" if is_done else "-", one.tick if is_done else "-", result])
    words.table(["request", "kind", "of", "action", "tick", "result"], rows)



def command(verb):
    """(action, meaning), as the other commands are."""
    return lambda line: say(verb.name, line), "%s: %s." % (verb.summary, verb.usage())


COMMANDS = {"requests": (show_requests, "What was asked last, and what came of it.")}
