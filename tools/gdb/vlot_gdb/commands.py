"""The family of commands, and the convenience functions."""
import gdb

from . import again, asking, check, control, describe, events, find, state, verbs, why, words
from .parse import arguments, node_number, number

HELP = """\
vlot: the Raft cluster inside this process. Nothing is called in it: what only looks works on a core file too, and what changes something
is written into memory as a request, which the cluster carries out when it goes on.

the cluster
  vlot nodes            one line per node: role, term, vote, timer, log, mailbox, gdb thread
  vlot config           members, quorum, timeouts, protections
  vlot net              messages under way with their ids, links with faults
  vlot timers           who times out next
  vlot use EXPR         which cluster, when there are several or none is found
one node
  vlot node N           everything about it       vlot log N [FROM [COUNT]]   its log, newest entries last
  vlot diff A B         where two logs differ     vlot mailbox N              mail that waits for it
  vlot thread N [CMD]   go to its thread, or run a gdb command there
what happened
  vlot status           the cluster in one line
  vlot events N [K]     the last K events of node N (10)
  vlot trace [K]        the last K events of all nodes (20), in one order
  vlot why N [EVENT]    what led to N's last change, or to its last EVENT (vote, leader, commit, …)
  vlot check            what must hold: is it so, now, and what was seen
going on: in lockstep, and where a cluster is paused (receive: always)
  vlot step [K]         to the end of the next action        vlot tick [K]    until the clock has made K ticks
  vlot receive [KIND] [from N] [to N]   until such a message is taken     vlot until EXPR|GOAL  until it holds: an expression of gdb, or what the prompt's until takes (leader, commit 3 at 2, …)
going back: the program is run again, and what was asked of it is asked again
  vlot back [K]         to the action before this one        vlot goto K      to action K
  vlot save FILE        the lines of a `vlot step`, and what was asked in gdb, as a scene
asking for something, in the words of the prompt of `vlot step` (ids: vlot net); vlot requests shows what came of it
ASKED
stopping
  vlot break EVENT [N] [if CONDITION]     stop where it happens, at any node or at node N
END_OF_EVENTS
in conditions and expressions
  $vlot_role(N) "leader"   $vlot_term(N)   $vlot_leader()   $vlot_node(N) struct vlot__node *
  N 0 is the node whose thread or turn is selected: break vlot_hook_deliver if $_streq($vlot_role(0), "leader")"""

# EVENT: (where, the node's number there, further condition, meaning). election stands in the function that does it.
EVENTS = {
    "election": ("vlot__election_campaign", "$vlot_core(raft)", "", "it raises its term and asks for votes; in the code that does it"),
    "prevote": ("vlot__election_pre_campaign", "$vlot_core(raft)", "", "it asks who would vote for it; in the code that does it"),
    "leader": ("vlot_hook_role_change", "node", "to == 3", "it has become leader"),
    "role": ("vlot_hook_role_change", "node", "", "its role has changed"),
    "term": ("vlot_hook_term_change", "node", "", "its term has changed"),
    "vote": ("vlot_hook_vote", "node", "", "it was asked for a vote"),
    "send": ("vlot_hook_send", "node", "", "a message leaves it"),
    "deliver": ("vlot_hook_deliver", "node", "", "it takes a message"),
    "drop": ("vlot_hook_drop", "node", "", "a message ends on its way"),
    "append": ("vlot_hook_append", "node", "", "entries stand in its log"),
    "truncate": ("vlot_hook_truncate", "node", "", "entries were removed"),
    "commit": ("vlot_hook_commit", "node", "", "it knows more as committed"),
    "apply": ("vlot_hook_apply", "node", "", "its machine has applied entries"),
    "fault": ("vlot_hook_fault", "node", "", "a link, disk or clock was changed"),
    "spawn": ("vlot_hook_spawn", "node", "", "it starts, for the first time too"),
    "kill": ("vlot_hook_kill", "node", "", "it stops running"),
    "fenced": ("vlot_hook_fenced", "node", "", "it refuses to go on"),
    "snapshot": ("vlot_hook_snapshot", "node", "", "it has a snapshot of its machine"),
    "install": ("vlot_hook_install", "node", "", "something happens to a leader's snapshot; stage says what"),
    "violation": ("vlot_hook_violation", "node", "", "the checker found a broken property"),
    "step": ("vlot_hook_step", "node", "", "one step of its core is done"),
    "tick": ("vlot_hook_tick", "node", "", "its time has gone on"),
    "timeout": ("vlot_hook_election_timeout", "node", "", "its election timer has fired"),
}

HELP_COLUMNS = 110
LOG_ROWS = 20
TRACE_ROWS = 20
EVENT_ROWS = 10


# --- the commands; each gets what follows its name ---


def show_help(_text):
    width = max(len(name) for name in EVENTS)
    lines = ["  EVENT  %s  %s" % (name.ljust(width), meaning[3]) for name, meaning in EVENTS.items()]
    print(HELP.replace("END_OF_EVENTS", "\n".join(lines)).replace("ASKED", asked_lines()))


def asked_lines():
    """The verbs that can be asked, as many in a line as are easily read."""
    lines = [""]
    for verb in verbs.asked():
        if lines[-1] and len(lines[-1]) + len(verb.usage()) > HELP_COLUMNS:
            lines.append("")
        lines[-1] += ("   " if lines[-1] else "  ") + verb.usage()
    return "\n".join(lines) if lines[0] else "  (this program does not say which verbs there are before it runs)"


def show_nodes(text):
    arguments(text, 0, 0, "vlot nodes")
    cluster = find.cluster()
    print(state.headline(cluster))
    rows = []
    for one in state.seats(cluster):
        thread = one.thread()
        tail = [one.mailbox(), thread.num if thread is not None else "-"]
        if one.raft is None:
            rows.append([words.node(one.id), "down", one.term] + ["-"] * 6 + tail)
            continue
        role = one.role if one.state == "up" else "%s, %s" % (one.role, one.state)
        rows.append([
            words.node(one.id), role, one.term, words.node(one.raft.vote), words.node(one.raft.leader), one.left(),
            one.raft.log.last, one.raft.commit, one.node.applied] + tail)
    words.table(["node", "role", "term", "vote", "leader", "timer", "last", "commit", "applied", "mail", "thread"], rows)


def show_peers(raft):
    rows = []
    for peer in raft.peers:
        if peer.id == raft.id:
            continue
        rows.append([
            words.node(peer.id), words.enum("vlot_progress_state", "VLOT_PROGRESS_", peer.state), peer.match, peer.next, peer.inflight,
            "yes" if peer.is_active else "no"])
    words.table(["peer", "state", "match", "next", "in flight", "heard"], rows)
    for peer in raft.peers:
        sending = peer.sending
        if sending is not None and sending.snapshot is not None:
            print("  n%d is sent the snapshot at %d: it has %d of %d bytes, up to %d are under way" % (
                peer.id, sending.snapshot.index, sending.acked, sending.snapshot.size, sending.next))


def show_votes(raft):
    granted, refused = (", ".join(words.node(peer.id) for peer in raft.peers if peer.vote == describe.constant("vote", which)) or "nobody"
                         for which in ("granted", "refused"))
    voters = raft.configs[raft.config_count - 1].configuration.voters
    print("  votes      granted by %s; refused by %s; quorum %d" % (granted, refused, voters // 2 + 1))


def show_node(text):
    cluster = find.cluster()
    one = state.up(cluster, node_number(arguments(text, 0, 1, "vlot node N"), "vlot node N"))
    raft, log, node = one.raft, one.raft.log, one.node
    thread = one.thread()
    print("n%d  %s of term %d, %s, incarnation %d%s" % (
        one.id, one.role, one.term, one.state, one.value.incarnation, ", thread %d" % thread.num if thread is not None else ""))
    print("  vote       %s; knows %s as leader" % (words.node(raft.vote), words.node(raft.leader)))
    print("  log        %d to %d, last term %d; durable %d, commit %d, applied %d" % (
        log.base + 1, log.last, log.last_term, raft.durable, raft.commit, node.applied))
    if state.has_snapshot(raft):
        print("  snapshot   %s" % state.snapshot(raft))
    if state.image(one):
        print("  image      %s" % state.image(one))
    print("  time       next timer in %s ticks; election timeout %d, %d gone; clock at %d/1000" % (
        one.left(), raft.election_ticks, raft.election_elapsed, one.value.clock_permille))
    print("  waiting    mail %d, writes under way %d, messages held until they are durable %d, commands %d, reads %d" % (
        one.mailbox(), raft.writes, raft.held, node.waiters, node.waiting_reads))
    print("  traffic    %d sent, %d taken, %d dropped, %d turns" % (
        one.value.sent, one.value.delivered, one.value.dropped, node.turns))
    if raft.is_fenced or node.is_fenced:
        print("  fenced     %s" % words.why(raft.fenced_why if raft.is_fenced else node.fenced_why))
    if one.role in ("candidate", "pre-candidate"):
        show_votes(raft)
    if one.role == "leader":
        show_peers(raft)


def show_log(text):
    usage = "vlot log N [FROM [COUNT]]"
    given = arguments(text, 0, 3, usage)
    cluster = find.cluster()
    one = state.up(cluster, node_number(given, usage))
    raft = one.raft
    base, last = raft.log.base, raft.log.last
    count = number(given[2], usage) if len(given) > 2 else LOG_ROWS
    first = max(number(given[1], usage) if len(given) > 1 else last - count + 1, base + 1)
    until = min(first + count - 1, last)
    commit, applied, durable = raft.commit, one.node.applied, raft.durable
    print("n%d: log %d to %d, commit %d, applied %d, durable %d" % (one.id, base + 1, last, commit, applied, durable) if last > base
          else "n%d: the log is empty after index %d" % (one.id, base))
    if state.has_snapshot(raft):
        print("    snapshot %s" % state.snapshot(raft))
    rows = []
    for entry in state.entries(raft, first, until):
        mark = "applied" if entry.index <= applied else "committed" if entry.index <= commit else "durable" if entry.index <= durable else "in memory"
        rows.append([entry.index, "t%d" % entry.term, entry.kind, "%dB" % entry.size, mark, entry.preview()])
    if rows:
        words.table(["index", "term", "kind", "size", "is", "data"], rows)
    elif last > base:
        raise gdb.GdbError("no entry from %d on: the log has %d to %d" % (first, base + 1, last))


def same(a, b):
    return (a.term, a.kind, a.size) == (b.term, b.kind, b.size) and a.bytes(a.size) == b.bytes(b.size)


def show_diff(text):
    usage = "vlot diff A B"
    given = arguments(text, 2, 2, usage)
    cluster = find.cluster()
    a, b = (state.up(cluster, number(one, usage)) for one in given)
    first = max(one.raft.log.base for one in (a, b)) + 1
    ends = [one.raft.log.last for one in (a, b)]
    last = first - 1
    for left, right in zip(state.entries(a.raft, first, min(ends)), state.entries(b.raft, first, min(ends))):
        if not same(left, right):
            print("n%d and n%d differ from entry %d on" % (a.id, b.id, left.index))
            words.table(["node", "index", "term", "kind", "size", "data"], [
                [words.node(one.id), entry.index, "t%d" % entry.term, entry.kind, "%dB" % entry.size, entry.preview()]
                for one, entry in ((a, left), (b, right))])
            return
        last = left.index
    longer = "" if ends[0] == ends[1] else "; n%d has %d more" % ((a if ends[0] > ends[1] else b).id, abs(ends[0] - ends[1]))
    print("n%d and n%d agree up to entry %d%s" % (a.id, b.id, last, longer))


SWITCHES = ((1, "pre-vote"), (2, "check-quorum"), (4, "stickiness"), (8, "no-op"), (16, "random timeout"))


def show_config(text):
    arguments(text, 0, 0, "vlot config")
    cluster = find.cluster()
    raft = cluster.options["raft"]
    members = list(cluster.members)
    voters = [words.node(one["id"]) for one in members if not int(one["is_learner"])]
    learners = [words.node(one["id"]) for one in members if int(one["is_learner"])]
    print("voters     %s; quorum %d" % (", ".join(voters), len(voters) // 2 + 1))
    print("learners   %s" % (", ".join(learners) or "none"))
    print("election   %d to %d ticks; heartbeat every %d" % (
        int(raft["election_ticks_min"]), int(raft["election_ticks_max"]), int(raft["heartbeat_ticks"])))
    switches = [(words.node(one.id), one.raft.switches) for one in state.seats(cluster) if one.raft is not None]
    for value in sorted({value for _, value in switches}, reverse=True):
        off = [name for bit, name in SWITCHES if not value & bit]
        whose = "all nodes" if len({one for _, one in switches}) == 1 else ", ".join(name for name, one in switches if one == value)
        print("switches   %s: %s" % (whose, "all on" if not off else "off: " + ", ".join(off)))
    print("driver     %s, seed %d%s" % (
        state.driver(cluster), int(cluster.options["seed"]),
        "" if cluster.driver.is_stepped else ", a tick is %g ms" % (int(cluster.options["tick_ns"]) / 1e6)))


def show_mailbox(text):
    usage = "vlot mailbox N"
    cluster = find.cluster()
    one = state.seat(cluster, node_number(arguments(text, 0, 1, usage), usage))
    if cluster.driver.is_stepped:
        items = [item for item in state.pending(cluster) if item.node == one.id and item.mail_kind]
        print("n%d: %s under way" % (one.id, words.counted(len(items), "mail", "mails")))
        for item in items:
            print("  %s" % line_of(item))
        return
    actor = one.actor()
    if actor is None or one.node is None:
        raise gdb.GdbError("n%d is down: it has no mailbox" % one.id)
    mails = list(state.mailbox(actor))
    print("n%d: %s waiting" % (one.id, words.counted(len(mails), "mail", "mails")))
    for kind, payload, sender in mails[:LOG_ROWS]:
        name = describe.words("mail_kind").get(kind)
        mark = "#%d " % describe.Thing("mail_head", payload).id if name not in ("tick", "stored", "written", None) else ""
        whose = " from n%d" % sender if sender and name != "message" else ""
        print("  %s%s%s" % (mark, state.mail(kind, payload, one.id) if name is not None else "a notice of the runtime", whose))
    if len(mails) > LOG_ROWS:
        print("  … and %d more" % (len(mails) - LOG_ROWS))


def line_of(item):
    held = ", held" if item.is_held else ""
    to = " to n%d" % item.node if item.mail_kind and describe.word("mail_kind", item.mail_kind) != "message" else ""
    return "#%-6s tick %-6s %s%s%s" % (words.pending(item.id), words.tick(item.due), item.what(), to, held)


def faults(link):
    parts = ["cut"] if int(link["is_cut"]) else []
    parts += ["%s %.4g%%" % (name, int(link[name]) / 1e4) for name in ("loss", "duplicate", "reorder") if int(link[name])]
    if int(link["delay_ticks_max"]):
        parts.append("delay %d to %d ticks" % (int(link["delay_ticks_min"]), int(link["delay_ticks_max"])))
    if int(link["tail"]):
        parts.append("with %.4g%% up to %d ticks more" % (int(link["tail"]) / 1e4, int(link["tail_ticks"])))
    return ", ".join(parts)


def show_links(cluster):
    nodes = len(cluster.met.all)
    rows = [["n%d -> n%d" % (seat.id, link.to), faults(link.profile)] for seat in cluster.met.all for link in seat.links if link.is_faulty]
    print("links      %s" % ("all clean" if not rows else "%d of %d with faults" % (len(rows), nodes * (nodes - 1))))
    for row in rows:
        print("  %s  %s" % tuple(row))


def show_net(text):
    arguments(text, 0, 0, "vlot net")
    cluster = find.cluster()
    show_links(cluster)
    if cluster.driver.is_stepped:
        items = [item for item in state.pending(cluster) if item.kind != "timer"]
        print("under way  %d, the next one first" % len(items) if items else "under way  nothing")
    else:
        items = state.late(cluster)
        waiting = ["%s %d" % (words.node(one.id), one.mailbox()) for one in state.seats(cluster) if one.mailbox()]
        print("mailboxes  %s" % (", ".join(waiting) or "all empty"))
        print("delayed    %s" % (len(items) or "nothing"))
    for item in items:
        print("  %s" % line_of(item))


def show_timers(text):
    arguments(text, 0, 0, "vlot timers")
    cluster = find.cluster()
    rows = []
    for one in sorted(state.seats(cluster), key=lambda one: one.due()):
        what = one.what_is_due()
        gone = "%d of %d" % (one.raft.election_elapsed, one.raft.election_ticks) if one.raft is not None else "-"
        rows.append([words.node(one.id), one.left(), words.tick(one.due()), one.role, what, gone])
    print("tick %d" % state.now(cluster))
    words.table(["node", "in", "at tick", "role", "next", "election timeout gone"], rows)


def show_status(text):
    arguments(text, 0, 0, "vlot status")
    print(state.headline(find.cluster()))


def show_events(text):
    usage = "vlot events N [K]"
    given = arguments(text, 1, 2, usage)
    cluster = find.cluster()
    one = state.seat(cluster, node_number(given, usage))
    count = number(given[1], usage) if len(given) > 1 else EVENT_ROWS
    if count < 1:
        raise gdb.GdbError("vlot events: K must be 1 or more, not %d" % count)
    newest = []
    for event in events.backwards(cluster, one.id):
        if len(newest) == count:
            break
        newest.append(event)
    for event in reversed(newest):
        print("tick %-5d %s" % (event.tick, event.sentence()))


def show_trace(text):
    usage = "vlot trace [K]"
    given = arguments(text, 0, 1, usage)
    count = number(given[0], usage) if given else TRACE_ROWS
    if count < 1:
        raise gdb.GdbError("vlot trace: K must be 1 or more, not %d" % count)
    cluster = find.cluster()
    rows = [[event.lamport if event.node else "-", event.tick, "%s/%d" % (words.node(event.node) if event.node else "cluster", event.sequence),
             event.sentence()]
            for event in events.newest(cluster, count)]
    words.table(["lamport", "tick", "event", "what happened"], rows)


def show_why(text):
    usage = "vlot why N [EVENT]"
    given = arguments(text, 0, 2, usage)
    cluster = find.cluster()
    one = state.seat(cluster, node_number(given, usage))
    about = given[1].replace("_", " ").replace("-", " ") if len(given) > 1 else "change"
    start = why.find(cluster, one.id, about)
    if start is None and len(given) > 1:
        kinds = sorted({event.kind for event in events.kept(cluster, one.id)})
        raise gdb.GdbError("no event \"%s\" of n%d is in its ring; it holds: %s" % (given[1], one.id, ", ".join(kinds)))
    if start is None:
        raise gdb.GdbError("the ring of n%d holds no change: only its last %d events are kept (options.ring_events)" % (
            one.id, cluster.ring_events))
    for line in why.lines(cluster, one.id, start, about):
        print(line)
    if len(given) < 2 and state.image(one):
        print("A snapshot waits for its image: %s" % state.image(one))


def go_to_thread(text):
    given = text.split(None, 1)
    usage = "vlot thread N [CMD]"
    if not given:
        raise gdb.GdbError("usage: " + usage)
    cluster = find.cluster()
    one = state.seat(cluster, number(given[0], usage))
    thread = one.thread()
    if thread is None:
        is_inline = cluster.driver.is_stepped and one.actor() is None and cluster.is_inline
        why = "it is down" if one.node is None else "it has not begun yet, or has ended"
        if one.node is not None and is_inline:
            why = "in this cluster nodes run on the caller's thread (options.is_inline)"
        raise gdb.GdbError("n%d has no thread: %s" % (one.id, why))
    if len(given) > 1:
        gdb.execute("thread apply %d %s" % (thread.num, given[1]))
    else:
        gdb.execute("thread %d" % thread.num)


def node_to_stop_at(text, usage):
    """There may be no cluster yet to have it."""
    wanted = number(text, usage)
    try:
        cluster = find.cluster()
    except gdb.GdbError:
        cluster = None
    if cluster is not None:
        state.seat(cluster, wanted)
    elif wanted < 1:
        raise gdb.GdbError("no node %d: nodes are counted from 1" % wanted)
    return wanted


def hook_arguments(place):
    """The names of its arguments, once the program's file shows them; those in whose code it stops are its own business."""
    if not place.startswith("vlot_hook_"):
        return []
    try:
        symbol = gdb.lookup_global_symbol(place)
        block = gdb.block_for_pc(int(symbol.value().address)) if symbol is not None else None
    except (gdb.error, RuntimeError):
        return []
    return [one.name for one in block or [] if one.is_argument]


def stop_at(text):
    usage = "vlot break EVENT [N] [if CONDITION]; EVENT: " + ", ".join(EVENTS)
    head, has_condition, condition = (" " + text + " ").partition(" if ")
    given = head.split()
    if not 1 <= len(given) <= 2 or (has_condition and not condition.strip()):
        raise gdb.GdbError("usage: " + usage)
    name = given[0].replace("role_change", "role").replace("term_change", "term").replace("-", "_")
    if name not in EVENTS:
        raise gdb.GdbError("no event \"%s\"; there are: %s" % (given[0], ", ".join(EVENTS)))
    place, node, further, _meaning = EVENTS[name]
    conditions = ["%s == %d" % (node, node_to_stop_at(given[1], "vlot break"))] if len(given) > 1 else []
    conditions += [part for part in (further, condition.strip()) if part]
    if len(conditions) > 1:
        conditions = ["(%s)" % part for part in conditions]
    suffix = " if " + " && ".join(conditions) if conditions else ""
    arguments_of = hook_arguments(place)
    pending = gdb.parameter("breakpoint pending")
    gdb.execute("set breakpoint pending on")  # the library may not be loaded yet
    try:
        gdb.execute("break %s%s" % (place, suffix))
    finally:
        gdb.execute("set breakpoint pending %s" % {True: "on", False: "off"}.get(pending, "auto"))
    if arguments_of:
        print("(CONDITION may name %s)" % ", ".join(arguments_of))


def use(text):
    if not text.strip():
        raise gdb.GdbError("usage: vlot use EXPR, such as: vlot use cluster")
    found = find.use(text)
    print("a cluster of %s: %s" % (words.counted(len(state.ids(found)), "node", "nodes"), state.headline(found)))


COMMANDS = {
    "help": (show_help, "This page of all commands."),
    "nodes": (show_nodes, "One line per node: role, term, vote, ticks to its next timer, log, mailbox, gdb thread."),
    "node": (show_node, "Everything about node N; without N: the one whose thread or turn is selected."),
    "log": (show_log, "The log of node N: vlot log N [FROM [COUNT]]."),
    "diff": (show_diff, "The first entry in which the logs of two nodes differ: vlot diff A B."),
    "config": (show_config, "Members, quorum, timeouts and protections."),
    "mailbox": (show_mailbox, "Mail that waits for node N, with ids."),
    "net": (show_net, "Messages under way with their ids, and links with faults."),
    "timers": (show_timers, "Who times out next."),
    "status": (show_status, "The cluster in one line."),
    "events": (show_events, "The last K events of node N (10): vlot events N [K]."),
    "trace": (show_trace, "The last K events of all nodes, in the order of (lamport, node, number): vlot trace [K]."),
    "why": (show_why, "What led to the last change of node N, or to its last EVENT: vlot why N [EVENT]."),
    "thread": (go_to_thread, "Go to the thread of node N, or run a gdb command there: vlot thread N [CMD]."),
    "break": (stop_at, "Stop where something happens: vlot break EVENT [N] [if CONDITION]."),
    "use": (use, "Look at this cluster: vlot use EXPR (a vlot_cluster *, vlot_client *, or an address)."),
    **check.COMMANDS,
    **control.COMMANDS,
    "next": (control.step, "The same as vlot step: vlot next [K]."),
    "n": (control.step, "The same as vlot step: vlot n [K]."),
    "p": (again.COMMANDS["back"][0], "The same as vlot back: vlot p [K]."),
    **again.COMMANDS,
    **asking.COMMANDS,
}


class Family(gdb.Command):
    __doc__ = HELP.replace("END_OF_EVENTS\n", "").replace("ASKED", "  (`vlot` shows them)")

    def __init__(self):
        super().__init__("vlot", gdb.COMMAND_USER, prefix=True)

    def invoke(self, text, _from_tty):
        if text.strip():  # a verb that was not known yet when the commands were made, or nothing
            name, _, line = text.strip().partition(" ")
            if not add_asked():
                verbs.require()
            if verbs.named(name) in verbs.asked():
                guarded(name, lambda given: asking.say(name, given), line)
                return
            said = verbs.named(name)
            if said is not None and said.name in COMMANDS:  # by its shorter name
                guarded(said.name, COMMANDS[said.name][0], line)
                return
            raise gdb.GdbError(verbs.unknown(name))
        show_help("")


def guarded(name, action, text):
    find.Memory.tells_others = True
    try:
        action(text)
    except gdb.MemoryError as problem:
        raise gdb.GdbError("vlot %s: memory cannot be read: %s" % (name, problem))
    except gdb.error as problem:
        raise gdb.GdbError("vlot %s: %s" % (name, problem))
    finally:
        find.Memory.tells_others = False


def command(name, action, meaning):
    def invoke(_self, text, _from_tty):
        guarded(name, action, text)

    kind = type("Vlot_" + name, (gdb.Command,), {"__doc__": meaning, "invoke": invoke})
    kind("vlot " + name, gdb.COMMAND_USER)


Asked = set()  # names of verbs that are commands already


def add_asked(_event=None):
    """Commands for the verbs that this program lets a debugger ask, once they can be seen. False: they cannot."""
    for verb in verbs.asked():
        if verb.name not in Asked and verb.name not in COMMANDS:
            Asked.add(verb.name)
            for name in [verb.name] + ([verb.alias] if verb.alias else []):
                command(name, lambda line, name=verb.name: asking.say(name, line), asking.command(verb)[1])
    return bool(verbs.table())


# --- convenience functions ---


def chosen(number_given):
    cluster = find.cluster()
    wanted = int(number_given) or find.current_node()
    if not wanted:
        raise gdb.GdbError("node 0 means the one whose thread or turn is selected: none is")
    return state.seat(cluster, wanted)


def function(name, meaning, action):
    kind = type(name, (gdb.Function,), {"__doc__": meaning, "invoke": lambda _self, *given: action(*given)})
    kind(name)


def forget_run(_event):
    if not again.Quiet.is_on:
        asking.forget()
        control.forget()


def register():
    Family()
    for name, (action, meaning) in COMMANDS.items():
        command(name, action, meaning)
    function("vlot_role", "$vlot_role(N): \"follower\", \"pre-candidate\", \"candidate\", \"leader\" or \"down\".", lambda n: chosen(n).role)
    function("vlot_term", "$vlot_term(N): its current term.", lambda n: chosen(n).term)
    function("vlot_leader", "$vlot_leader(): the node that leads in the highest term; 0: none.", lambda: state.leader(find.cluster()))
    function("vlot_node", "$vlot_node(N): its struct vlot__node *; NULL: down.", lambda n: describe.as_pointer("node", chosen(n).node))
    function("vlot_core", "$vlot_core(RAFT): the number of the node whose core it is.", lambda raft: describe.Thing("raft", raft).id)
    for changed in (gdb.events.exited, gdb.events.new_objfile):
        for forget in (find.forget, words.forget, verbs.forget, describe.forget):
            changed.connect(forget)
    add_asked()
    gdb.events.new_objfile.connect(add_asked)
    gdb.events.exited.connect(forget_run)
