"""Going on: to the next action, tick, message or condition. The cluster itself looks whether it has come there and calls an empty function,
vlot__stop_here, with a breakpoint on it: so that nothing in between costs a stop. All other breakpoints stay as they are.
"""
import re

import gdb

from . import describe, events, find, memory, parse, state, words

UNTIL_MAX = 20000  # actions, until an expression
UNTIL_TIMEOUTS = 20  # VLOT_UNTIL_TIMEOUTS, until a goal
TICKS_MAX = 1000000  # VLOT_TICKS_AT_ONCE

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


class Run:
    """Goes on until the cluster comes to a place. `vlot step` closes a cluster that it has only looked at and opens another one: that is then the
    cluster.
    """

    def __init__(self, cluster):
        self.cluster = cluster
        self.here, self.opened = Stop("vlot__stop_here"), Stop("vlot__stop_opened")

    def to(self, command="continue", **where):
        """True: there; else it is said what stopped it."""
        memory.arm(self.cluster, **where)
        while True:
            self.opened.was_hit = False
            if not go(self.here, command, self.opened):
                return False
            if self.here.was_hit:
                return True
            opened = describe.Thing("cluster", gdb.newest_frame().read_var("cluster"))
            # a new one may stand where the old one stood
            if int(opened) == int(self.cluster) or not find.is_cluster(self.cluster):
                self.cluster = find.Memory.last = opened
                memory.arm(self.cluster, **where)
            command = "continue"

    def end(self):
        memory.disarm(self.cluster)
        for one in (self.here, self.opened):
            if one.is_valid():
                one.delete()


def run_armed(cluster, **where):
    """Go on to a place in the run: the cluster that came there; None: none did."""
    say_who_acts()
    run = Run(cluster)
    try:
        return run.cluster if run.to(**where) else None
    finally:
        run.end()


def finish(cluster, before, what):
    """cluster: the one that came there; None."""
    if cluster is not None:
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
    finish(run_armed(cluster, steps=count), before, "the action" if count == 1 else "the last of %d actions" % count)


def ticks_of(text, usage):
    """So many as the prompt takes."""
    found = parse.number(text, usage)
    if not 0 <= found <= TICKS_MAX:
        raise gdb.GdbError("%s: a number from 0 to %d is wanted, not %d" % (usage, TICKS_MAX, found))
    return found


def tick(text):
    usage = "vlot tick [K]"
    given = parse.arguments(text, 0, 1, usage)
    count = ticks_of(given[0], usage) if given else 1
    cluster = steppable("vlot tick")
    before, wanted = cluster.action, state.now(cluster) + count
    there = run_armed(cluster, tick=wanted)
    if there is not None and there.action == before:
        remember(there)
        print(state.headline(there))
    else:
        finish(there, before, "the end of tick %d" % wanted)


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
            finish(None, 0, "such a message")
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


# An event as the prompt's `until` has it; one that is also a goal is the goal, unless it is said whose event it is.
EVENT = re.compile(r"([a-z_]+)(?: of (?:n?(\d+)|\*))?( \d+)?")
GOAL = re.compile(r"(leader)(?: (?:n?(\d+)|\*))?|(role) n?(\d+) ([a-z-]+)|(commit|term) (\d+)|(quiet)")
LIMIT = re.compile(r"(leader \S+|role \S+ \S+|(?:commit|term) \S+|quiet) (\S+)")
AT = re.compile(r" at n?(\d+)(?= |$)")


def goal_of(cluster, line):
    """A goal as the prompt's `until` has them, as a function that says whether it is reached, and for how many ticks; None: this is none."""
    line = " ".join(line.split())
    event = EVENT.fullmatch(line)
    if event and (" of " in line or event.group(1) not in ("leader", "role", "commit", "term", "quiet")) and event.group(1) in event_kinds():
        limit = event.group(3)
        ticks = ticks_of(limit.strip(), "vlot until") if limit else UNTIL_TIMEOUTS * int(cluster.options["raft"]["election_ticks_min"])
        return happened(cluster, event.group(1), event.group(2)), ticks
    at = AT.search(line)
    rest = AT.sub("", line, 1)
    limit = LIMIT.fullmatch(rest)
    found = GOAL.fullmatch(limit.group(1) if limit else rest)
    if found is None or (at and not found.group(6)):
        return None
    ticks = ticks_of(limit.group(2), "vlot until") if limit else UNTIL_TIMEOUTS * int(cluster.options["raft"]["election_ticks_min"])
    return reached_by(cluster, found.groups(), at and at.group(1)), ticks


def event_kinds():
    """{"step_down": "step down"}, as they are said and as they are told"""
    kinds = [field.name[len("VLOT_EVENT_"):].lower() for field in gdb.lookup_type("vlot_event_kind").fields()]
    return {kind: kind.replace("_", " ") for kind in kinds if kind != "kinds"}


def happened(cluster, kind, whose):
    """Since now."""
    if whose:
        state.seat(cluster, int(whose))
    since, name = cluster.action, event_kinds()[kind]

    def has_happened(one):
        for node in [0] + state.ids(one):
            for event in events.backwards(one, node):
                if event.action <= since:
                    break
                if event.kind == name and (not whose or int(whose) in ([event.node] if event.node else [event.peer])):
                    return True
        return False

    return has_happened


def reached_by(cluster, goal, at):
    leader, leads, role, whose, which, count, wanted, _quiet = goal
    for named in (leads, whose, at):
        if named:
            state.seat(cluster, int(named))
    if leader:
        return lambda one: state.leader(one) in ([int(leads)] if leads else state.ids(one))
    if role:
        return lambda one: state.seat(one, int(whose)).role == which
    if count:
        return lambda one: any(
            seat.raft is not None and (seat.raft.commit if count == "commit" else seat.raft.term) >= int(wanted)
            for seat in state.seats(one) if not at or seat.id == int(at))
    return lambda one: all(item.kind == "timer" or item.is_held for item in state.pending(one))


def until(text):
    expression = text.strip()
    if not expression:
        raise gdb.GdbError("usage: vlot until EXPR, such as: vlot until $vlot_leader() != 0")
    cluster = steppable("vlot until")
    before, goal = cluster.action, goal_of(cluster, expression)
    is_reached, ticks = goal or (lambda _cluster: holds(expression), None)
    if is_reached(cluster):
        print("It holds already; " + state.headline(cluster))
        return
    say_who_acts()
    last = None if ticks is None else state.now(cluster) + ticks
    run, is_there, done, is_over, pinned = Run(cluster), True, False, False, find.Memory.pinned
    try:
        while is_there and not done and not is_over:
            find.Memory.pinned, action = run.cluster, run.cluster.action  # nothing is searched for at every stop
            is_there = run.to(steps=1, tick=last)
            if is_there:
                done = is_reached(run.cluster)
                has_stood = run.cluster.action == action and last is not None and state.now(run.cluster) >= last
                is_over = has_stood or (last is None and run.cluster.action - before >= UNTIL_MAX)
    finally:
        find.Memory.pinned = pinned
        run.end()
    if is_over and not done:
        print("It has not come to this within %s." % words.counted(ticks, "tick", "ticks") if ticks is not None else
              "It does not hold after %d actions." % (run.cluster.action - before))
        print(state.headline(run.cluster))
    else:
        finish(run.cluster if is_there else None, before, "it")


COMMANDS = {
    "step": (step, "Go on to the end of the next action, or of K: vlot step [K]."),
    "tick": (tick, "Let K ticks pass, and what is due in them happen; 0: what is due now: vlot tick [K]."),
    "receive": (receive, "Go on until such a message is taken: vlot receive [KIND] [from N] [to N]."),
    "until": (until, "Go on, action by action, until an expression holds, or a goal of the prompt is reached: vlot until EXPR."),
}
