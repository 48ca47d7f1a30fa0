"""The last events of every node, as the rings in memory hold them; and what led to what."""
from . import state, words

NODE_BITS = 48
CHAIN_MAX = 40

# What counts as a change of a node, for `vlot why`.
CHANGES = {
    "campaign", "leader", "step down", "role", "term", "known leader", "vote", "truncate", "commit", "fenced", "start", "kill", "restart",
    "suspend", "resume", "mismatch",
}


class Event:
    def __init__(self, value):
        self.value = value
        self.node, self.sequence = int(value["node"]), int(value["sequence"])
        self.lamport, self.tick, self.action = int(value["lamport"]), int(value["tick"]), int(value["action"])
        self.cause, self.peer, self.why = int(value["cause"]), int(value["peer"]), int(value["why"])
        self.kind = words.enum("vlot_event_kind", "VLOT_EVENT_", value["kind"])

    @property
    def id(self):
        return self.node << NODE_BITS | self.sequence

    def key(self):
        return self.lamport, self.node, self.sequence

    def sentence(self):
        is_said = self.kind in ("suspend", "resume", "restart", "request")
        return sentence(self) + ("" if is_said else words.because(self.why))


def ring_of(cluster, node):
    owner = cluster if node == 0 else state.seat(cluster, node).value
    return owner.events, owner.sequence


def at(cluster, node, sequence):
    """The event with this number; None: not in the ring any more. The oldest place may be in the making: it does not count."""
    if node != 0 and node not in state.ids(cluster):
        return None
    events, last = ring_of(cluster, node)
    if not max(last - len(events) + 2, 1) <= sequence <= last:
        return None
    found = Event(events[sequence])
    return found if found.sequence == sequence and found.node == node else None


def by_id(cluster, number):
    return at(cluster, number >> NODE_BITS, number & ((1 << NODE_BITS) - 1))


def backwards(cluster, node):
    sequence = ring_of(cluster, node)[1]
    while sequence > 0:
        found = at(cluster, node, sequence)
        if found is None:
            return
        yield found
        sequence -= 1


def newest(cluster, count):
    """The last events of all nodes, in the order of (lamport, node, sequence), and the cluster's own between them, whose lamport is a
    count of their own: each behind all of earlier actions, where there are some, or ticks.
    """
    found = []
    for node in state.ids(cluster):
        for k, event in enumerate(backwards(cluster, node)):
            if k >= count:
                break
            found.append(event)
    found.sort(key=Event.key)
    own = [event for _, event in zip(range(count), backwards(cluster, 0))]
    for event in own:  # the newest first, so that two at one place keep their order
        place = max((k + 1 for k, other in enumerate(found) if other.node and is_earlier(other, event)), default=0)
        found.insert(place, event)
    return found[-count:]


def is_earlier(event, own):
    """What an action does comes behind what was asked for, and is its cause."""
    return event.action < own.action if own.action and event.action else event.tick <= own.tick


# --- sentences ---


def brief(value):
    text = "%s t%d, log %d, commit %d" % (
        words.role(value["role"]), int(value["term"]), int(value["last_index"]), int(value["commit_index"]))
    return text + (", vote n%d" % int(value["vote"]) if int(value["vote"]) else "")


def of_message(event):
    body, n, peer = event.value["as"]["message"], event.node, event.peer
    kind, flags = words.enum("vlot_message_kind", "VLOT_MESSAGE_", body["kind"]), int(body["flags"])
    what = "%s t%d" % (words.message(body["kind"]), int(body["term"])) if int(body["kind"]) else "a client's mail"
    if kind == "append":
        what += " (%s after %d, commit %d)" % (words.counted(int(body["entries"]), "entry", "entries"), int(body["index"]), int(body["commit"]))
    elif kind in ("pre vote reply", "vote reply"):
        what += " (granted)" if flags & words.OK else " (refused)"
    elif kind == "append reply":
        what += " (stored up to %d)" % int(body["index"]) if flags & words.OK else " (refused, try %d)" % int(body["index"])
    if event.kind == "sent":
        return "n%d sends n%d %s" % (n, peer, what)
    if event.kind == "received":
        return "n%d takes from n%d %s" % (n, peer, what)
    return "dropped on its way from n%d to n%d: %s" % (int(body["from"]), peer or n, what)


def of_change(event):
    body, n, peer = event.value["as"]["change"], event.node, event.peer
    start, end, term = int(body["from"]), int(body["to"]), int(body["term"])
    if event.kind == "campaign":
        how = {0: "asks who would vote for it", 1: "asks for votes", 2: "forces an election"}.get(start, "campaigns")
        return "n%d %s, in term %d" % (n, how, term)
    if event.kind == "vote":
        return "n%d %s n%d its %s of term %d" % (n, "grants" if end == 1 else "refuses", peer, "pre-vote" if start == 1 else "vote", term)
    if event.kind == "tally":
        return "n%d counts the answer of n%d: %d of %d votes" % (n, peer, start, end)
    texts = {
        "leader": "n%d becomes leader of term %d" % (n, term),
        "step down": "n%d steps down as leader of term %d" % (n, term),
        "role": "n%d turns from %s to %s in term %d" % (n, words.role(start), words.role(end), term),
        "term": "n%d goes from term %d to term %d" % (n, start, end),
        "known leader": "n%d knows %s in term %d" % (n, "n%d as leader" % end if end else "no leader any more", term),
        "match": "n%d knows that n%d stores its log up to %d" % (n, peer, end),
        "mismatch": "n%d cannot append after %d from n%d, hints at %d" % (n, start, peer, end),
        "durable": "n%d has made its log durable up to %d, term %d" % (n, end, term),
        "ignored": "n%d ignores %s t%d of n%d" % (n, words.message(start), term, peer),
        "kill": "n%d stops running%s" % (n, " by a power cut" if start == 1 else ""),
        "suspend": "n%d is suspended" % n,
        "resume": "n%d is resumed" % n,
        "restart": "n%d is started again" % n,
        "fault": "a link, disk or clock is changed%s" % (" at n%d" % (n or peer) if n or peer else ""),
        "violation": "a safety property is broken at n%d: %s" % (peer, "R-1" if start == 100 else "I-%d" % start),
    }
    if event.kind == "request":
        mail = int(event.value["message"])
        of = " n%d" % peer if peer else " #%s" % words.pending(mail) if mail else ""
        kind, result = words.enum("vlot_request_kind", "VLOT_REQUEST_", start), words.enum("vlot_result", "VLOT_", term)
        return "%s%s was asked for in gdb%s" % (kind, of, "" if term == 0 else ": " + result)
    if event.kind == "lint":
        return "a warning: %s" % words.enum("vlot_lint_number", "VLOT_LINT_", start)
    plain = "%s: %s" % (words.node(n) if n else "the cluster", event.kind)
    return texts.get(event.kind, plain)


def sentence(event):
    body, n = event.value["as"], event.node
    if event.kind == "start":
        return "n%d starts (incarnation %d): %s" % (n, int(event.value["incarnation"]), brief(body["step"]["after"]))
    if event.kind == "step":
        return "n%d takes a step: %s" % (n, brief(body["step"]["after"]))
    if event.kind in ("sent", "received", "dropped"):
        return of_message(event)
    if event.kind in ("append", "truncate", "commit", "apply"):
        first, count = int(body["slice"]["first"]), int(body["slice"]["count"])
        verb = {"append": "appends", "truncate": "removes", "commit": "knows", "apply": "applies"}[event.kind]
        known = " as committed" if event.kind == "commit" else ""
        return "n%d %s %s%s" % (n, verb, words.entries(first, first + count - 1), known)
    if event.kind in ("propose", "answer", "read"):
        client, count = int(body["client"]["client"]), int(body["client"]["count"])
        if event.kind == "propose":
            return "client %d hands n%d %d command%s" % (client, n, count, "" if count == 1 else "s")
        if event.kind == "read":
            return "client %d asks n%d for a read" % (client, n)
        return "n%d answers client %d: %s" % (n, client, words.enum("vlot_result", "VLOT_", body["client"]["result"]))
    if event.kind == "config":
        is_voter = int(body["config"]["roles"]) & 5
        return "the configuration from index %d on: n%d %s" % (int(body["config"]["index"]), event.peer, "votes" if is_voter else "learns")
    return of_change(event)


# --- why ---


def changes_of_step(cluster, step, but):
    """What a step changed: the events that name it as their cause."""
    sequence = step.sequence + 1
    while True:
        event = at(cluster, step.node, sequence)
        if event is None or event.cause != step.id:
            return
        if event.kind in CHANGES and event.kind not in ("known leader", "commit") and event.id != but:
            yield event
        sequence += 1


def last_change(cluster, node):
    for event in backwards(cluster, node):
        if event.kind in CHANGES:
            return event
    return None


def chain(cluster, event):
    """Sentences, newest first: this event, what caused it, what caused that …"""
    yield event, event.sentence()
    shown = event.id
    for _ in range(CHAIN_MAX):
        if event.cause == 0:
            if event.kind == "step":
                yield None, "n%d's timer fired, or it was told to: nothing earlier led here" % event.node
            return
        cause = by_id(cluster, event.cause)
        if cause is None:
            yield None, "event %d of %s, which its ring does not hold any more (options.ring_events)" % (
                event.cause & ((1 << NODE_BITS) - 1), words.node(event.cause >> NODE_BITS))
            return
        if cause.kind == "step":
            for change in reversed(list(changes_of_step(cluster, cause, shown))):
                if change.sequence < event.sequence or event.node != change.node:
                    yield change, change.sentence()
        else:
            yield cause, cause.sentence()
        shown = cause.id
        event = cause
