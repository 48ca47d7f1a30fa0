"""What led to what: the chain of the prompt's `why` (src/cluster/why_chain.c), over the rings in memory. tests/gdb/same.py holds the one against the
other: who changes one of them changes both.
"""
from . import describe, events, sentences, state, words

CHAIN_MAX = 48
STATE, EVENT, CAUSE, DETAIL = "%s", "%6d  %s", "%6d    because %s", "          %s"
SEQUENCE = (1 << events.NODE_BITS) - 1
WIPE = 2  # VLOT_RESTART_WIPE

# What can be asked about, in the prompt's words; and what counts as a change.
ABOUT = {
    "role": ("leader", "step down", "role", "fenced", "start", "kill"),
    "vote": ("vote", "campaign"),  # who campaigns votes for itself
    "term": ("term",),
    "log": ("append", "truncate", "mismatch"),
    "commit": ("commit",),
    "campaign": ("campaign",),
    "change": (
        "leader", "step down", "role", "vote", "term", "append", "truncate", "commit", "campaign", "fenced", "start", "kill", "suspend", "resume"),
}


def newest(cluster, node, kinds, after=0):
    return next((event for event in events.kept(cluster, node) if event.kind in kinds and event.sequence > after), None)


def find(cluster, node, about):
    """What it is about; None: nothing of that kind is kept. That it forgot its leader counts where nothing has happened since."""
    event = newest(cluster, node, ABOUT.get(about, (about,)))
    known = newest(cluster, node, ("known leader",)) if about in ("change", "role") else None
    is_newer = known is not None and (event is None or known.sequence > event.sequence)
    return known if is_newer and sentences.why(known) == "leader forgotten" else event


def is_newest(cluster, event, about):
    """Is nothing newer of that kind forgotten? Of what outlives the ring of all (vlot_event_is_rare()) nothing is."""
    outlived = {"append", "commit"} & set(ABOUT.get(about, ()))
    return event.sequence >= events.kept_from(cluster, event.node) or not outlived


def before(cluster, event):
    """What its node did before it, newest first."""
    return (one for one in events.kept(cluster, event.node) if one.sequence < event.sequence)


def change(event):
    return event.value["as"]["change"]


def message_kind(event):
    """Of a message's event; "": of another one, or it is no message of Raft's."""
    if event.kind not in ("sent", "received", "dropped"):
        return ""
    number = event.value["as"]["message"]["kind"]
    return words.enum("vlot_message_kind", "VLOT_MESSAGE_", number) if int(number) else ""


# --- the beginning ---


def root_of_append(append):
    why = sentences.why(append)
    if why == "silence":
        return "n%d's timer fired: n%d had not answered what it was sent" % (append.node, append.peer)
    if why == "commit alone":
        return "n%d's timer fired: nothing else took the commit index to n%d" % (append.node, append.peer)
    if int(append.value["as"]["message"]["entries"]) == 0:
        return "n%d's heartbeat timer fired" % append.node
    return "n%d sends what it had no memory for before" % append.node


def root_of(event):
    why = sentences.why(event)
    if why == "election timeout" or event.kind == "durable" or (event.kind == "campaign" and why == "pre votes won"):
        return "its election timer fired"
    if why == "no quorum contact":
        return "its timer fired, with which a leader looks whether a quorum still answers"
    if message_kind(event) == "append" and event.kind == "sent":
        return root_of_append(event)
    roots = {"order": "it was told to", "start": "it was started", "sent": "its election timer fired"}
    roots.update(dict.fromkeys(("propose", "read"), "a client asked"))
    roots.update(dict.fromkeys(("kill", "suspend", "resume", "restart"), "somebody did that to it"))
    return roots.get(event.kind, "nothing is recorded that led there")


def no_longer_known(cluster, node):
    return "no longer known: of n%d the last %d events are kept" % (node, sum(1 for _ in events.backwards(cluster, node)))


def forgotten(cluster, number):
    return "what led there is " + no_longer_known(cluster, number >> events.NODE_BITS)


# --- why a message was sent ---


def is_reason(event, message):
    """Did its sender do that for the same reason as it sent the message?"""
    kind = message_kind(message)
    if kind in ("pre vote", "vote"):
        return (event.kind == "campaign" and (int(change(event)["from"]) == 0) == (kind == "pre vote")
                and int(change(event)["term"]) == int(message.value["as"]["message"]["term"]))
    if event.cause != message.cause:
        return False
    if kind in ("pre vote reply", "vote reply"):
        return event.kind == "vote" and event.peer == message.peer and (int(change(event)["from"]) == 1) == (kind == "pre vote reply")
    reasons = {
        "append": ("leader", "append"), "append reply": ("mismatch",), "install": ("snapshot sent",), "install reply": ("snapshot installed",)}
    return event.kind in reasons.get(kind, ())


def reason_of(cluster, message):
    """What its sender did for the same reason: it stands between the message and their common cause. None: nothing does, or it is not known."""
    if message.cause == 0 and message_kind(message) not in ("pre vote", "vote"):
        return None
    after = message.cause & SEQUENCE
    return next((event for event in before(cluster, message) if event.sequence > after and is_reason(event, message)), None)


def last_of(event):
    piece = event.value["as"]["slice"]
    return int(piece["first"]) + int(piece["count"]) - 1


def commit_of(cluster, append, index):
    """How the sender of an append came to know a follower's entry as committed: by its own COMMIT, whatever made it send just then."""
    return next((event for event in before(cluster, append)
                 if event.kind == "commit" and int(event.value["as"]["slice"]["first"]) <= index <= last_of(event)), None)


def leadership_of(cluster, append):
    """A no-op stands for the leadership that it begins."""
    if append.kind != "append" or append.peer != append.node:
        return None
    return next((event for event in events.kept(cluster, append.node) if event.kind == "leader" and event.cause == append.cause), None)


def why_sent(cluster, sent, effect):
    """(what stands between, where the chain goes on) of what was taken; effect: what was told of it before."""
    if effect.kind != "commit" or message_kind(sent) != "append":
        return reason_of(cluster, sent), sent
    known = commit_of(cluster, sent, last_of(effect))
    return known, known


# --- what several things led to ---


def first_of(cluster, sent):
    """What it was copied from in the end; itself."""
    is_copy = sent.kind == "sent" and sentences.why(sent) in ("link duplicate", "copied")
    origin = events.by_id(cluster, sent.cause) if is_copy else None
    return first_of(cluster, origin) if origin is not None and origin.kind == "sent" else sent


def counts(cluster, seat, told):
    """Does this count, that a member told? Not from a disk that the configuration does not know."""
    if not seat.value.has_foreign_disk:
        return True
    wipes = [event for event in events.kept(cluster, seat.id) if event.kind == "restart" and int(change(event)["from"]) == WIPE]
    if not wipes or told.tick < wipes[-1].tick:
        return bool(wipes)  # also where what it was told by is forgotten
    taken = events.by_id(cluster, told.cause)
    sent = events.by_id(cluster, taken.cause) if taken is not None else None
    if sent is None:
        return False
    sent = first_of(cluster, sent)
    return sent.node == seat.id and sent.sequence < wipes[-1].sequence


def votes(cluster, event):
    """Of whom, and when: the votes that were granted in the campaign before it."""
    found = []
    for one in before(cluster, event):
        if one.kind == "campaign":
            return ["n%d (tick %d)" % (tally.peer, tally.tick) for tally in reversed(found)]
        if one.kind == "tally" and one.why == 0:
            found.append(one)
    return []


def matches(cluster, commit):
    """Who stores what a leader commits: when it was told so first, and when its own disk was done."""
    told = []
    for one in before(cluster, commit):
        if one.kind == "leader":
            break
        if one.kind in ("match", "durable") and int(change(one)["to"]) >= last_of(commit):
            told.append(one)
    else:
        return []
    who = {}
    for one in reversed(told):
        who.setdefault(one.node if one.kind == "durable" else one.peer, one)
    return ["n%d (tick %d)%s" % (node, one.tick, remark(cluster, node, one)) for node, one in who.items()]


def remark(cluster, node, told):
    seat = state.seat(cluster, node)
    if seat.value.incarnation and not seat.value.is_voter:
        return " [a learner: not counted]"
    is_counted = told.kind == "durable" or counts(cluster, seat, told)
    return "" if is_counted else " [not the disk that the configuration knows: not counted]"


def others(cluster, event, cause):
    """All that led there, where several things did; None: one did."""
    if event.kind == "commit":
        is_leaders = cause.kind == "durable" or message_kind(cause) == "append reply"
        text, found = "it is stored by ", matches(cluster, event) if is_leaders else []
    elif sentences.why(event) in ("quorum of votes", "pre votes won"):
        text, found = "with what was granted by ", votes(cluster, event)
    else:
        return None
    return text + ", ".join(found) if found else None


# --- the chain ---


def chain(cluster, event):
    """Lines: this event, what caused it, what caused that …, down to a timer, a client or a person."""
    said = effect = event
    yield EVENT % (event.tick, event.sentence())
    for _ in range(CHAIN_MAX):
        if event.cause == 0:
            yield DETAIL % ("and that is the beginning: " + root_of(said))
            return
        number = event.cause
        shown = sent = cause = events.by_id(cluster, number)
        was_sent = cause is not None and cause.kind == "sent" and event.kind in ("received", "sent")
        if was_sent:
            shown, cause = why_sent(cluster, sent, effect)
        if cause is None:
            yield DETAIL % forgotten(cluster, number)
            return
        event = cause
        if was_sent and shown is None:
            said = sent
        if shown is None or shown.id == said.id:
            continue
        leadership = None if was_sent else leadership_of(cluster, said)
        if leadership is not None:
            yield CAUSE % (leadership.tick, leadership.sentence())
        yield CAUSE % (shown.tick, shown.sentence())
        more = None if was_sent else others(cluster, leadership or said, shown)
        if more:
            yield DETAIL % more
        effect, said = said, shown
    yield DETAIL % "and so on: the chain is longer"


def how_it_is(one):
    """"n1 leads term 1."""
    if one.raft is None or one.state not in ("up", "suspended"):
        return "n%d is %s." % (one.id, one.state)
    tail = "; it is suspended." if one.state == "suspended" else "."
    if one.role == "leader":
        return "n%d leads term %d%s" % (one.id, one.term, tail)
    text = "n%d is a %s in term %d" % (one.id, one.role if one.value.is_voter else "learner", one.term)
    if one.role == "follower":
        text += " and follows n%d" % one.raft.leader if one.raft.leader else " and knows no leader"
    return text + tail


def lines(cluster, node, event, about):
    """All that is said of it: how the node is, the chain, and since when it is up if that came later."""
    yield STATE % how_it_is(state.seat(cluster, node))
    if not is_newest(cluster, event, about):
        yield DETAIL % ("what it has appended or committed since this is " + no_longer_known(cluster, node))
    yield from chain(cluster, event)
    start = newest(cluster, node, ("start",), event.sequence)
    if start is not None:
        yield EVENT % (start.tick, start.sentence())  # what it did before may be forgotten
