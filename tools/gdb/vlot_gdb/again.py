"""Going back: the program is run again, with the same arguments and so the same seed, up to an earlier action; what had been done by then
because it was asked is asked again, and the lines of a `vlot step` are said again.
"""
import os
import stat
import tempfile

import gdb

from . import asking, control, describe, find, memory, parse, state, verbs, words

REDO = "VLOT_STEP_REDO"


def require_repeatable(what):
    memory.require_process(what)
    cluster = find.cluster()
    if words.enum("vlot_driver", "VLOT_DRIVER_", cluster.options["driver"]) == "threads":
        raise gdb.GdbError(
            "%s: threads have run, and no run is like the one before. Record one (`vlot run --journal FILE`) and go back in its replay "
            "(`vlot replay FILE`, or `vlot gdb replay FILE`)" % what)
    if gdb.selected_inferior().was_attached:
        raise gdb.GdbError("%s: gdb is attached to this process and cannot start it again; start it in gdb (`run`)" % what)
    return cluster


def identity(cluster):
    options = cluster.options
    return tuple(int(options[name]) for name in ("seed", "nodes", "learners", "driver", "start_count", "turn_max"))


# --- a session of `vlot step` ---


class Line:
    """What was said, and the actions it took."""

    def __init__(self, text, start, end, is_time, scene):
        self.text, self.is_time, self.scene = text, is_time, scene
        (self.start, self.start_idle), (self.end, self.end_idle) = start, end


def history_of(session):
    """The lines that led here."""
    story, lines = session.story, []
    if len(story.branches):
        branch = story.branches[story.present]
        for line in (branch.lines[k] for k in range(story.done)):
            start, end = (line.start, line.start_idle), (line.end, line.end_idle)
            lines.append(Line(line.text, start, end, bool(line.is_time), line.scene_to))
    text = session.under_way
    if text is not None:
        start = (lines[-1].end, lines[-1].end_idle) if lines else (0, 0)
        lines.append(Line(text, start, (words.NEVER, 0), verbs.lets_time_go_on(text), session.scene_at))
    return lines


def not_said(cluster, lines):
    """What was asked in gdb and is no line of the history yet: since the line that is under way began."""
    start = lines[-1].start if lines and lines[-1].end == words.NEVER else lines[-1].end if lines else 0
    return [request for request in asking.known(cluster) if request.action >= start]


def says_itself():
    """Does the program, run again, read the same lines again? From a file it does, from a terminal it does not."""
    try:
        kind = os.stat("/proc/%d/fd/0" % gdb.selected_inferior().pid).st_mode
    except OSError:  # not on this machine, or closed
        return False
    if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
        raise gdb.GdbError("its commands come through a pipe, and cannot be read a second time: give them as a file (run step <FILE)")
    return stat.S_ISREG(kind)


def redo_file(lines, target):
    """The lines that begin before an action, in a file: src/lab/scene.c reads it."""
    lines = [line for line in lines if line.start < target or line.end <= target]
    handle, name = tempfile.mkstemp(prefix="vlot-redo-", suffix=".txt")
    with os.fdopen(handle, "w") as file:
        file.write("%d\n" % (lines[-1].scene if lines else 0))
        file.writelines(line.text + "\n" for line in lines)
    return name


# --- running again ---

NOTHING = "nothing"  # the beginning of a session, where no cluster is open yet


class Quiet:
    """While it runs again: the user's breakpoints are off, nothing is asked, and what we remember stays."""

    is_on = False

    def __enter__(self):
        Quiet.is_on = True
        self.breakpoints = [one for one in gdb.breakpoints() if one.is_valid() and one.enabled]
        self.confirm = gdb.parameter("confirm")
        gdb.execute("set confirm off")
        for one in self.breakpoints:
            one.enabled = False

    def __exit__(self, *_problem):
        Quiet.is_on = False
        gdb.execute("set confirm %s" % ("on" if self.confirm else "off"))
        for one in self.breakpoints:
            if one.is_valid():
                one.enabled = True


def is_nothing_open():
    session = find.session()
    return session is not None and session.cluster is None


def withdraw(cluster):
    """What is not carried out yet is not asked any more: whoever goes back wants something else to follow."""
    done = cluster.requests.done
    memory.write(cluster.requests, "asked", done)
    del asking.Asked.list[done:]


def walk(wanted, target, plan, says_again):
    """Run from the beginning to an action of the cluster that is opened with these options, asking again on the way what was asked. Where
    several are, it is the first that comes so far. None: none does.
    """

    def is_it():
        try:
            return identity(describe.Thing("cluster", gdb.newest_frame().read_var("cluster"))) == wanted
        except (gdb.error, ValueError):
            return False

    opened, here = control.Stop("vlot__stop_opened", is_it), control.Stop("vlot__stop_here")
    said = control.Stop("vlot__scene_said_again") if says_again else None
    stops = [one for one in (opened, here, said) if one is not None]
    command, cluster, rest = "run", None, []
    try:
        while True:
            for one in stops:
                one.was_hit = False
            text = gdb.execute(command, to_string=True) or ""
            command = "continue"
            if opened.was_hit:
                cluster = describe.Thing("cluster", gdb.newest_frame().read_var("cluster"))
                asking.Asked.list, rest = [], list(plan)
            elif not here.was_hit:
                if not says_again or not said.was_hit:
                    print(text.strip())
                    return None
                if target == 0 and is_nothing_open():
                    return NOTHING
                if cluster is None or cluster.action < target:  # what comes now is for the user to say
                    return None
            action = cluster.action
            while rest and rest[0].action <= action and rest[0].tick <= cluster.now:
                asking.put(cluster, rest[0])
                asking.Asked.list.append(rest.pop(0))
            if action >= target and (target > 0 or not says_again or said.was_hit):
                withdraw(cluster)
                return cluster
            is_here = bool(rest) and rest[0].action <= action  # and is asked when time stands there
            memory.arm(
                cluster, tick=rest[0].tick if is_here else None,
                action=max(min(rest[0].action if rest and not is_here else target, target), 1))
    finally:
        for one in stops:
            one.delete()
        if cluster is not None:
            memory.disarm(cluster)


def rerun(cluster, target, what):
    session = find.session()
    lines = history_of(session) if session is not None else []
    repeats = session is not None and not says_itself()
    plan = [request for request in (not_said(cluster, lines) if repeats else asking.known(cluster)) if request.action < target]
    wanted, hashes = identity(cluster), dict(control.Past.hashes)
    redo = redo_file(lines, target) if repeats else None
    find.forget()
    try:
        with Quiet():
            if redo is not None:
                gdb.execute("set environment %s %s" % (REDO, redo))
            again = walk(wanted, target, plan, redo is not None)
    finally:
        if redo is not None:
            gdb.execute("unset environment %s" % REDO, to_string=True)
            os.unlink(redo)
    if again is None:
        raise gdb.GdbError(
            "%s: the program, run again, did not come to action %d of such a cluster: what it does depends on more than its arguments and its "
            "seed (what it reads, threads, the time)" % (what, target))
    if again is NOTHING:
        return again
    find.Memory.last = again
    found = again.hash
    control.Past.hashes = {action: value for action, value in hashes.items() if action <= target}
    if hashes.get(again.action, found) != found:
        print("(this is not the same run: its events are others than before; what the program does depends on more than its seed)")
    return again


def arrive(cluster):
    if cluster is NOTHING:
        print("The beginning: the first command at the program's prompt opens the cluster (`continue`).")
    else:
        control.tell(cluster, cluster.action)


def go_to(text):
    usage = "vlot goto K"
    target = parse.number(parse.arguments(text, 1, 1, usage)[0], usage)
    cluster = require_repeatable("vlot goto")
    now = cluster.action
    if target < 0:
        raise gdb.GdbError("vlot goto: actions are counted from 1; 0 is the beginning")
    if target > now:
        there = control.run_armed(cluster, action=target)
        control.finish(there, now, "action %d" % target)
    else:
        there = rerun(cluster, target, "vlot goto")
        arrive(there)
    if there is not None and there is not NOTHING and there.action != target:
        print("(actions up to %d are one turn, which cannot be halved: the nearest to %d that can be)" % (there.action, target))


def back(text):
    usage = "vlot back [K]"
    given = parse.arguments(text, 0, 1, usage)
    count = parse.count(given[0], usage) if given else 1
    cluster = require_repeatable("vlot back")
    now = cluster.action
    if count > now:
        raise gdb.GdbError("vlot back: there %s behind" % ("is only 1 action" if now == 1 else "are only %d actions" % now))
    target, again = now - count, rerun(cluster, now - count, "vlot back")
    while again is not NOTHING and again.action >= now and target > 0:  # several deliveries were one turn: to before them
        target -= 1
        again = rerun(again, target, "vlot back")
    arrive(again)


# --- saving ---


def line_of(request):
    """A request as a scene's command."""
    return verbs.line_of(*request[1:6])


def add_time(out, at, to):
    """Lines for the time from one place to another; a place: (action, ticks without any since then)."""
    if to[0] > at[0]:
        out.append("step %d" % (to[0] - at[0]))
        at = (to[0], 0)
    if to[1] > at[1]:
        out.append("tick %d" % (to[1] - at[1]))


def merged(lines, requests, now):
    """The session's lines with what gdb asked between them: a line that let time go on is cut where something was asked."""
    rest, out = list(requests), []
    for line in lines:
        at, end = (line.start, line.start_idle), min((line.end, line.end_idle), now)
        while rest and line.is_time and rest[0].action < end[0]:
            add_time(out, at, (rest[0].action, rest[0].idle))
            out.append(line_of(rest[0]))
            at = (rest[0].action + 1, 0)
            rest.pop(0)
        if line.is_time and (at[0] > line.start or line.end > now[0]):
            add_time(out, at, end)
        else:
            out.append(line.text)
    return out + [line_of(one) for one in rest]


def save(text):
    usage = "vlot save FILE"
    name = os.path.expanduser(parse.arguments(text, 1, 1, usage)[0])
    memory.require_process("vlot save")
    cluster = find.cluster()
    session = find.session()
    if words.enum("vlot_driver", "VLOT_DRIVER_", cluster.options["driver"]) == "threads":
        raise gdb.GdbError("vlot save: threads have run, and no scene makes the same again; `vlot run --journal FILE` records a run")
    if session is None:
        raise gdb.GdbError(
            "vlot save: only the lines of a `vlot step` can be saved as a scene; this program is its own script: its seed is %d, and `vlot "
            "goto %d` comes back to here" % (int(cluster.options["seed"]), cluster.action))
    options = cluster.options
    history = history_of(session)
    lines = merged(history, not_said(cluster, history), (cluster.action, asking.idle(cluster)))
    if not any(line.split()[:1] == ["nodes"] for line in lines):
        lines.insert(0, "nodes %d" % int(options["nodes"]))
    if not any(line.split()[:1] == ["seed"] for line in lines):
        lines.insert(1, "seed %d" % int(options["seed"]))
    try:
        with open(name, "x") as file:
            file.write("# Saved in gdb at action %d. `vlot play --rewrite` adds what is seen.\n\n" % cluster.action)
            file.write("\n\n".join(lines) + "\n")
    except OSError as problem:
        raise gdb.GdbError("vlot save: %s: %s" % (name, problem.strerror))
    print("%s: %s; `vlot play --rewrite %s` adds what is seen, `vlot step %s` walks through it" % (
        name, words.counted(len(lines), "line", "lines"), name, name))


COMMANDS = {
    "back": (back, "Run again to the action before this one, or K before: vlot back [K]."),
    "goto": (go_to, "Run on, or again, to action K: vlot goto K."),
    "save": (save, "Write the lines of a `vlot step`, and what was asked in gdb, as a scene: vlot save FILE."),
}
