"""The last events of every node, as the rings in memory hold them; and what led to what."""
from . import describe, state, words

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


def rare_of(cluster, node):
    """Of rare events more are kept than the ring of all holds: the newest first."""
    owner = cluster if node == 0 else state.seat(cluster, node).value
    rare = owner.rare
    for k in range(rare.count - 1, max(rare.count - rare.capacity, 0) - 1, -1):
        yield Event(rare.events[k])


def kept_from(cluster, node):
    """The number of the oldest event in the ring of all. The oldest place may be in the making: it does not count."""
    events, last = ring_of(cluster, node)
    return max(last - len(events) + 2, 1)


def at(cluster, node, sequence):
    """The event with this number; None: it is not kept any more."""
    if node != 0 and node not in state.ids(cluster):
        return None
    events, last = ring_of(cluster, node)
    if not kept_from(cluster, node) <= sequence <= last:
        return next((event for event in rare_of(cluster, node) if event.sequence == sequence), None)
    found = Event(events[sequence])
    return found if found.sequence == sequence and found.node == node else None


def by_id(cluster, number):
    return at(cluster, number >> NODE_BITS, number & ((1 << NODE_BITS) - 1))


def backwards(cluster, node):
    """Those in the ring of all, newest first."""
    sequence = ring_of(cluster, node)[1]
    while sequence >= kept_from(cluster, node):
        found = at(cluster, node, sequence)
        if found is None:
            return
        yield found
        sequence -= 1


def kept(cluster, node):
    """All that are kept, newest first; before the ring of all begins there are gaps."""
    yield from backwards(cluster, node)
    yield from (event for event in rare_of(cluster, node) if event.sequence < kept_from(cluster, node))


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
    if event.kind == "order" and words.enum("vlot_input_kind", "VLOT_INPUT_", start) == "tick":
        return "n%d's timer is made to fire before its time (%s)" % (n, describe.words("due").get(end, "?"))
    if event.kind == "order":
        return "n%d takes the order to %s" % (n, words.enum("vlot_input_kind", "VLOT_INPUT_", start))
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


def last_change(cluster, node):
    return next((event for event in kept(cluster, node) if event.kind in CHANGES), None)


def message_of(event):
    body = event.value["as"]["message"]
    return words.enum("vlot_message_kind", "VLOT_MESSAGE_", body["kind"])


def is_reason(event, message):
    """Did its sender do that for the same reason as it sent the message?"""
    change, kind = event.value["as"]["change"], message_of(message)
    if kind in ("pre vote", "vote"):
        is_pre = kind == "pre vote"
        return (event.kind == "campaign" and (int(change["from"]) == 0) == is_pre
                and int(change["term"]) == int(message.value["as"]["message"]["term"]))
    if event.cause != message.cause or message.cause == 0:
        return False
    if kind in ("pre vote reply", "vote reply"):
        return event.kind == "vote" and event.peer == message.peer
    return event.kind in (("leader", "append") if kind == "append" else ("mismatch",))


def reason_of(cluster, message):
    earlier = (event for event in kept(cluster, message.node) if event.sequence < message.sequence)
    return next((event for event in earlier if is_reason(event, message)), None)


def votes_before(cluster, event):
    """Of whom, and when: the votes that were granted in the campaign before it."""
    for one in kept(cluster, event.node):
        if one.sequence >= event.sequence:
            continue
        if one.kind == "campaign":
            return
        if one.kind == "tally" and one.why == 0:
            yield one.peer, one.tick


def matches_before(cluster, event):
    """Who stores what a leader commits, as it was told."""
    last = int(event.value["as"]["slice"]["first"]) + int(event.value["as"]["slice"]["count"]) - 1
    for one in kept(cluster, event.node):
        if one.sequence >= event.sequence or one.kind not in ("match", "durable"):
            if one.kind == "leader":
                return
            continue
        if int(one.value["as"]["change"]["to"]) >= last:
            yield (one.peer if one.kind == "match" else one.node), one.tick


def others(cluster, event, cause):
    """What else led there, where several things did."""
    why = words.enum("vlot_why", "VLOT_WHY_", event.why) if event.why else ""
    if why in ("quorum of votes", "pre votes won"):
        text, found = "with what was granted by ", dict(votes_before(cluster, event))
    elif event.kind == "commit" and (cause.kind == "durable" or message_of(cause) == "append reply"):
        text, found = "it is stored by ", dict(matches_before(cluster, event))
    else:
        return
    if found:
        yield None, text + ", ".join("%s (tick %d)" % (words.node(node), found[node]) for node in sorted(found))


def root_of(event):
    if event.kind in ("propose", "read"):
        return "a client asked"
    if event.kind in ("order", "start", "kill", "restart", "suspend", "resume"):
        return "somebody did that"
    return "a timer of n%d fired" % event.node


def forgotten(cluster, number):
    node = number >> NODE_BITS
    return "event %d of %s led there: no longer known, the last %d are kept (options.ring_events)" % (
        number & ((1 << NODE_BITS) - 1), words.node(node), cluster.ring_events - 1)


def chain(cluster, event):
    """Sentences, newest first: this event, what caused it, what caused that …"""
    yield event, event.sentence()
    said = event
    for _ in range(CHAIN_MAX):
        if event.cause == 0:
            yield None, "nothing earlier led here: %s" % root_of(said)
            return
        cause = by_id(cluster, event.cause)
        if cause is None:
            yield None, forgotten(cluster, event.cause)
            return
        yield cause, cause.sentence()
        yield from others(cluster, said, cause)
        said = event = cause
        reason = reason_of(cluster, cause) if cause.kind == "sent" else None
        if reason is not None:
            yield reason, reason.sentence()
            said = reason
