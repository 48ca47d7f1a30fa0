"""The last events of every node, as the rings in memory hold them."""
from . import sentences, state, words

NODE_BITS = 48


class Event:
    def __init__(self, value):
        value.fetch_lazy()  # all of it at once
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
        return sentences.sentence(self)


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
    events, last = ring_of(cluster, node)
    for sequence in range(last, kept_from(cluster, node) - 1, -1):
        found = Event(events[sequence])
        if (found.node, found.sequence) != (node, sequence):
            return
        yield found


def kept(cluster, node):
    """All that are kept, newest first; before the ring of all begins there are gaps."""
    yield from backwards(cluster, node)
    first = kept_from(cluster, node)
    yield from (event for event in rare_of(cluster, node) if event.sequence < first)


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
