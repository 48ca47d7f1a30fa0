"""Going on: to the next action, tick, message or condition. The cluster itself looks whether it has come there and calls an empty function,
vlot__stop_here, with a breakpoint on it: so that nothing in between costs a stop. All other breakpoints stay as they are.
"""
import re

import gdb

from . import describe, events, find, memory, parse, state

UNTIL_MAX = 20000

# What is not said of an action: it follows from the rest.
QUIET = {"step", "progress", "match", "durable", "tally", "known leader"}


class Stop(gdb.Breakpoint):
    """Of ours: not in `info breakpoints`. test: more that must hold, looked at in the breakpoint."""

    def __init__(self, place, test=None):
        super().__init__(place, internal=True)
        self.silent = True
        self.test, self.was_hit = test, False

    def stop(self):
        if self.test is not None and not self.test():
            return False
        self.was_hit = True
        return True


def go(stop, command="continue", other=None):
    """Let the program run until something stops it. True: ours did; else it is said what did."""
    stop.was_hit = False
    text = gdb.execute(command, to_string=True) or ""
    if stop.was_hit or (other is not None and other.was_hit):
        return True
    print(text.strip())
    return False


def is_alive():
    return gdb.selected_inferior().pid != 0


def steppable(what):
    """The cluster, if it is stepped by its program."""
    memory.require_process(what)
    cluster = find.cluster()
    if not cluster.driver.is_stepped:
        raise gdb.GdbError(
            "%s: this cluster runs freely, there is no next action. `vlot break EVENT` and `vlot receive` stop it somewhere; or pause it "
            "(vlot_cluster_pause, `vlot run --step-on EVENT`), or use lockstep (`vlot gdb step`)" % what)
    return cluster


def say_who_acts():
    """The program waits for a line: nothing happens before somebody types one."""
    session = find.session()
    try:
        if session is not None and session.under_way is None:
            block = session.cluster.requests if session.cluster is not None else None
            if block is not None and block.asked > block.done:
                print("(what was asked for is carried out when you say the next thing at the program's prompt; Ctrl-C comes back here)")
                gdb.flush()
                return
            print("(the next action is the one you say at the program's prompt; Ctrl-C comes back here)")
            gdb.flush()
    except gdb.error:
        pass


# --- what happened ---


def sentences(cluster, action):
    asked, found = [], []
    for node in [0] + state.ids(cluster):
        of_node = []
        for event in events.backwards(cluster, node):
            if event.action < action:
                break
            if event.action == action and event.kind not in QUIET:
                (asked if event.kind == "request" else of_node).append(event)
        found += reversed(of_node)
    return [event.sentence() for event in asked + found]  # a request's event comes when its result is known


def tell(cluster, before):
    """The actions since then, the last three in words; the one that was under way counts."""
    now = cluster.action
    before = min(before, max(now - 1, 0))
    if now - before > 3:
        print("%d actions, the last one:" % (now - before))
        before = now - 1
    for action in range(before + 1, now + 1):
        said = sentences(cluster, action)
        for k, sentence in enumerate(said or ["nothing to tell"]):
            place = "action %-5d" % action
            print("%s %s" % (place if k == 0 else " " * len(place), sentence))
    print(state.headline(cluster))


def remember(cluster):
    Past.hashes[cluster.action] = cluster.hash


class Past:
    """What the events so far hashed to, after actions at which we stood: the same run has the same."""

    hashes = {}


def forget(_event=None):
    Past.hashes = {}


# --- the commands ---


def stop_when_said(target):
    """A command said at the program's prompt, such as `kill 3`, is an action that no turn ends: it is seen when it becomes history."""
    session = find.session()
    if session is None:
        return None

    def is_it():
        cluster = session.cluster
        return cluster is not None and cluster.action >= target

    return Stop("vlot__story_record", is_it)


def run_armed(cluster, command="continue", last=None, **where):
    """Go on to a place in the run; last: to that action at the latest. True: there."""
    say_who_acts()
    stop = Stop("vlot__stop_here")
    said = stop_when_said(last) if last is not None else None
    try:
        memory.arm(cluster, **where)
        return go(stop, command, said)
    finally:
        memory.disarm(cluster)
        for one in (stop, said):
            if one is not None and one.is_valid():
                one.delete()


def finish(cluster, before, is_there, what):
    if is_there:
        remember(cluster)
        tell(cluster, before)
    elif not is_alive():
        print("The program has ended before %s came." % what)
    else:
        print("Stopped before %s came." % what)


def step(text):
    usage = "vlot step [K]"
    given = parse.arguments(text, 0, 1, usage)
    count = parse.count(given[0], usage) if given else 1
    cluster = steppable("vlot step")
    before = cluster.action
    finish(cluster, before, run_armed(cluster, last=before + count, steps=count), "the action" if count == 1 else "the last of %d actions" % count)


def tick(text):
    usage = "vlot tick [K]"
    given = parse.arguments(text, 0, 1, usage)
    count = parse.count(given[0], usage) if given else 1
    cluster = steppable("vlot tick")
    before, wanted = cluster.action, state.now(cluster) + count
    finish(cluster, before, run_armed(cluster, tick=wanted), "tick %d" % wanted)


def message_kinds():
    """{as it may be typed: number}"""
    kinds = {name.lower(): number for number, name in describe.words("message").items()}
    kinds.update({"vote": kinds["requestvote"], "append": kinds["appendentries"]})
    return kinds


def what_message(given, usage):
    """[KIND] [from N] [to N]"""
    kind, ends = 0, {"from": 0, "to": 0}
    rest = list(given)
    if rest and rest[0] not in ends:
        word = rest.pop(0).lower().replace("-", "").replace("_", "")
        kinds = message_kinds()
        if word not in kinds:
            raise gdb.GdbError("no message \"%s\"; there are: %s" % (given[0], ", ".join(describe.words("message").values())))
        kind = kinds[word]
    while rest:
        if rest[0] not in ends or len(rest) < 2 or ends[rest[0]]:
            raise gdb.GdbError("usage: " + usage)
        ends[rest[0]] = parse.count(rest[1], usage)
        rest = rest[2:]
    if ends["from"] and ends["from"] == ends["to"]:
        raise gdb.GdbError("vlot receive: n%d sends nothing to itself" % ends["to"])
    return kind, ends["from"], ends["to"]


def receive(text):
    usage = "vlot receive [KIND] [from N] [to N]"
    kind, sender, node = what_message(gdb.string_to_argv(text), usage)
    memory.require_process("vlot receive")
    cluster = find.cluster()
    for end in (sender, node):
        if end:
            state.seat(cluster, end)

    def is_it():
        frame = gdb.newest_frame()
        seen = [int(frame.read_var(name)) for name in ("kind", "from", "node")]
        return all(wanted in (0, value) for wanted, value in zip((kind, sender, node), seen))

    say_who_acts()
    stop = Stop("vlot_hook_deliver", is_it)
    try:
        if not go(stop):
            finish(cluster, 0, False, "such a message")
            return
        frame = gdb.newest_frame()
        number = int(frame.read_var("node"))
        taken = next((event for event in events.backwards(cluster, number) if event.kind == "received"), None)
        print(taken.sentence() if taken is not None else "n%d takes a message" % number)
        print("in its turn, before it does anything: `vlot node`, `backtrace`; %s" % state.headline(cluster))
    finally:
        stop.delete()


def holds(expression):
    try:
        return bool(gdb.parse_and_eval(expression))
    except gdb.error as problem:
        raise gdb.GdbError("vlot until: %s" % problem)


GOAL = re.compile(r"(leader)(?: n?(\d+))?|(role) n?(\d+) ([a-z-]+)|(commit|term) (\d+)(?: at n?(\d+))?|(quiet)")


def goal_of(cluster, line):
    """A goal as the prompt's `until` has them, as a function that says whether it is reached; None: this is none."""
    found = GOAL.fullmatch(" ".join(line.split()))
    if found is None:
        return None
    leader, leads, role, whose, which, count, wanted, at, _quiet = found.groups()
    for named in (leads, whose, at):
        if named:
            state.seat(cluster, int(named))
    if leader:
        return lambda: state.leader(cluster) in ([int(leads)] if leads else state.ids(cluster))
    if role:
        return lambda: state.seat(cluster, int(whose)).role == which
    if count:
        return lambda: any(
            one.raft is not None and (one.raft.commit if count == "commit" else one.term) >= int(wanted)
            for one in state.seats(cluster) if not at or one.id == int(at))
    return lambda: all(item.kind == "timer" or item.is_held for item in state.pending(cluster))


def until(text):
    expression = text.strip()
    if not expression:
        raise gdb.GdbError("usage: vlot until EXPR, such as: vlot until $vlot_leader() != 0")
    cluster = steppable("vlot until")
    before = cluster.action
    is_reached = goal_of(cluster, expression) or (lambda: holds(expression))
    if is_reached():
        print("It holds already; " + state.headline(cluster))
        return
    say_who_acts()
    stop = Stop("vlot__stop_here")
    is_there, done, pinned = True, False, find.Memory.pinned
    find.Memory.pinned = cluster  # nothing is searched for at every stop
    try:
        while is_there and not done and cluster.action - before < UNTIL_MAX:
            memory.arm(cluster, steps=1)
            is_there = go(stop)
            done = is_there and is_reached()
    finally:
        find.Memory.pinned = pinned
        memory.disarm(cluster)
        stop.delete()
    if is_there and not done:
        print("It does not hold after %d actions." % (cluster.action - before))
        print(state.headline(cluster))
    else:
        finish(cluster, before, is_there, "it")


COMMANDS = {
    "step": (step, "Go on to the end of the next action, or of K: vlot step [K]."),
    "tick": (tick, "Go on until the cluster's clock has made K ticks: vlot tick [K]."),
    "receive": (receive, "Go on until such a message is taken: vlot receive [KIND] [from N] [to N]."),
    "until": (until, "Go on, action by action, until an expression holds, or a goal of the prompt is reached: vlot until EXPR."),
}
