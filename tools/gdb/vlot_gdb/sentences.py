"""Events as sentences: vlot_event_text() of src/cluster/event_text.c, which cannot be called in a process that stands still. tests/gdb/same.py holds
the one against the other.
"""
from . import describe, verbs, words

VOTER, OLD_VOTER = 1, 4  # VLOT_CONFIG_VOTER, VLOT_CONFIG_OLD_VOTER
WITHOUT_WHY = ("request", "order")
TOLD_FAULTS = ("disk fault", "clock fault", "link fault")


def why(event):
    return words.enum("vlot_why", "VLOT_WHY_", event.why) if event.why else ""


def plural(count):
    return "entry" if count == 1 else "entries"


def of_step(event):
    before, after = ({field.name: int(event.value["as"]["step"][which][field.name]) for field in event.value["as"]["step"][which].type.fields()}
                     for which in ("before", "after"))
    n = event.node
    if event.kind == "start":
        vote = ", a vote for n%d" % after["vote"] if after["vote"] else ""
        return "n%d starts (incarnation %d): it recovered term %d%s, a log up to %d, committed %d" % (
            n, int(event.value["incarnation"]), after["term"], vote, after["last_index"], after["commit_index"])

    def moved(name):
        return "%d" % before[name] + (" to %d" % after[name] if after[name] != before[name] else "")

    becomes = " and becomes " + words.role(after["role"]) if after["role"] != before["role"] else ""
    vote = ", vote n%d" % after["vote"] if after["vote"] else ""
    return "n%d takes a step as %s%s: term %s%s, last %s, commit %s" % (
        n, words.role(before["role"]), becomes, moved("term"), vote, moved("last_index"), moved("commit_index"))


# --- messages ---


def asked(how, body):
    count, reads = int(body["entries"]), int(body["commit"])
    what = "command" if reads == 0 else "read" if reads == count else "operation"
    text = "a %s%s" % (how, what) if count == 1 else "%d %s%ss" % (count, how, what)
    return text + " of client %d%s" % (int(body["log_term"]), " and others" if int(body["request_id"]) else "")


def of_mail(body):
    kind = words.enum("vlot_mail_kind", "VLOT_MAIL_", body["flags"])
    if kind in ("commands", "read", "forward"):
        return asked("forwarded " if kind == "forward" else "", body)
    texts = {
        "order": "an order",
        "question": "the question whether what was forwarded has come",
        "word": "the word that what was forwarded has come",
    }
    return texts.get(kind, "mail of the unknown kind %d" % int(body["flags"]))


def of_body(body):
    if int(body["kind"]) == 0:
        return of_mail(body)
    kind, flags = words.enum("vlot_message_kind", "VLOT_MESSAGE_", body["kind"]), int(body["flags"])
    is_yes = flags & words.OK
    index, log_term, commit, entries = (int(body[name]) for name in ("index", "log_term", "commit", "entries"))
    text = "%s of term %d" % (words.message(body["kind"]), int(body["term"]))
    if kind in ("pre vote", "vote"):
        return text + " (its log ends at %d of term %d%s)" % (index, log_term, "; forced" if flags & words.FORCED else "")
    if kind in ("pre vote reply", "vote reply"):
        return text + (" (granted)" if is_yes else " (refused)")
    if kind == "append":
        return text + " (%d %s after %d of term %d, commit %d)" % (entries, plural(entries), index, log_term, commit)
    if kind == "append reply" and is_yes:
        return text + " (stored up to %d)" % index
    if kind == "append reply":
        return text + " (refused after %d; try %d of term %d)" % (commit, index, log_term)
    if kind == "install" and entries == 0:
        return text + " (of the snapshot at %d: how far is it?)" % index
    if kind == "install":
        return text + " (%s from %d on of the snapshot at %d)" % (words.counted(entries, "byte", "bytes"), commit, index)
    if kind == "install reply" and is_yes:
        return text + " (has all up to the snapshot at %d)" % index
    if kind == "install reply":
        return text + " (lacks the snapshot at %d from byte %d on)" % (index, commit)
    return text


def receiver(event):
    if event.kind == "received":
        return event.node
    is_known = event.kind == "sent" or (event.peer and event.peer != int(event.value["as"]["message"]["from"]))
    return event.peer if is_known else event.node


def of_message(event):
    body = event.value["as"]["message"]
    start, end = int(body["from"]), receiver(event)
    if event.kind == "sent" and why(event) == "copied":
        text = "Copied on its way from n%d to n%d: " % (start, end)
    elif event.kind == "sent":
        text = "n%d sends n%d " % (start, end)
    elif event.kind == "received":
        text = "n%d takes from n%d " % (end, start)
    else:
        text = "Dropped on its way%s to n%d: " % (" from n%d" % start if start else "", end)
    return text + of_body(body)


# --- changes ---


def of_slice(event):
    body, kind = event.value["as"]["slice"], event.kind
    first, count, term, digest = (int(body[name]) for name in ("first", "count", "term", "hash"))
    verb = {"append": "appends", "truncate": "removes", "commit": "knows"}.get(kind, "applies")
    text = "n%d %s %s" % (event.node, verb, words.entries(first, first + count - 1))
    if kind == "commit" and count != 1:
        text += " as committed, the last of term %d" % term
    elif kind != "truncate":
        text += " of term %d%s" % (term, " as committed" if kind == "commit" else "")
    return text + ("; its machine hashes to %016x" % digest if kind == "apply" and digest else "")


def of_client(event):
    body = event.value["as"]["client"]
    client, count, sequence = (int(body[name]) for name in ("client", "count", "sequence"))
    if event.kind == "propose":
        return "Client %d hands n%d %s from its number %d on" % (client, event.node, words.counted(count, "command", "commands"), sequence)
    if event.kind == "read":
        return "Client %d asks n%d for a read, its number %d" % (client, event.node, sequence)
    return "n%d answers client %d for %s from its number %d on (%s)" % (
        event.node, client, words.counted(count, "operation", "operations"), sequence, describe.said("result", body["result"]))


def of_config(event):
    body = event.value["as"]["config"]
    index, roles = int(body["index"]), int(body["roles"])
    is_voter, was_voter = bool(roles & VOTER), bool(roles & OLD_VOTER)
    whose = "n%d's configuration" % event.node if event.node else "The configuration"
    half = " in both halves" if is_voter and was_voter else " in the old half" if was_voter else ""
    return "%s from index %d on: n%d %s%s, with disk %016x" % (
        whose, index, event.peer, "votes" if is_voter or was_voter else "learns", half, int(body["disk_id"]))


def of_link(event, start, end):
    which = ("The link" if start and event.peer else "Every link") + (" from n%d" % start if start else "")
    which += " to n%d" % event.peer if event.peer else ""
    if why(event) == "healed":
        return which + " is clean"
    return which + (" is cut" if end else " may lose, delay, reorder or duplicate messages")


def of_disk(event, fail_at, delay, flags):
    parts = ["completes no write"] if flags & 1 else []
    parts += ["takes up to %s for a write" % words.counted(delay, "tick", "ticks")] if delay else []
    parts += ["is full: writes fail"] if flags & 2 else []
    if fail_at:
        parts.append("fails the next write" if fail_at == 1 else "fails write number %d from now" % fail_at)
    return "The disk of n%d %s" % (event.peer, ", ".join(parts) or "is well")


def of_clock(event, permille):
    if permille == 0:
        return "The clock of n%d stands still" % event.peer
    if permille == 1000:
        return "The clock of n%d is exact" % event.peer
    return "The clock of n%d runs at %s of the speed of the others" % (event.peer, words.counted(permille, "thousandth", "thousandths"))


def is_fault_told(event):
    if event.kind != "fault":
        return False
    is_named = event.peer or int(event.value["as"]["change"]["from"])
    return why(event) in TOLD_FAULTS or bool(why(event) == "healed" and is_named)


def of_fault(event, start, end, term):
    if not is_fault_told(event):
        return "The network is changed"
    if why(event) == "disk fault":
        return of_disk(event, start, end, term)
    return of_clock(event, end) if why(event) == "clock fault" else of_link(event, start, end)


def of_fenced(event, start, end, term):
    text = "n%d is fenced and takes no input any more" % event.node
    if why(event) == "committed conflict":
        return text + " (n%d sent another entry %d in term %d, and up to %d is committed)" % (event.peer, start, term, end)
    if why(event) == "two leaders":
        return text + " (n%d and n%d, in term %d)" % (start, end, term)
    if why(event) == "apply failed":
        return text + " (it had applied up to %d, of %d committed)" % (start, end)
    return text


def of_request(event, kind, result):
    verb = next((one for one in verbs.asked() if one.request == kind), None)
    name = verb.name if verb else "something unknown"
    is_mails = words.enum("vlot_request_kind", "VLOT_REQUEST_", kind) in ("drop", "hold", "release", "duplicate", "delay", "fire")
    what = " n%d" % event.peer if event.peer else " " + words.pending(event.value["message"]) if is_mails else ""
    return "A debugger asks: %s%s, and gets: %s" % (name, what, describe.said("result", result))


def of_order(event, kind, due):
    name = words.enum("vlot_input_kind", "VLOT_INPUT_", kind, "_")
    if name == "tick":
        return "n%d's timer is made to fire before its time (%s)" % (event.node, describe.words("due").get(due, "?"))
    own = {describe.constant("node_order", one): one for one in ("snapshot", "compact")}.get(int(kind))
    return "n%d takes the order %s" % (event.node, own or name)


def of_violation(event, number):
    text = "Broken: %s at n%d" % ("R-1" if number == 100 else "I-%d" % number, event.peer)
    broken = "machines that applied the same entries differ" if number == 100 else describe.said("broken", number)
    return text + (": " + broken if broken != "?" else "")


def of_restart(event, how):
    if why(event) == "foreign disk":
        return "n%d's disk is not the one that the configuration names: it was blank once" % event.node
    disks = ("with its disk", "without what it had not synced", "with a blank disk")
    return "n%d is started again %s" % (event.node, disks[how if how < 3 else 0])


def of_change(event):
    body, n, peer = event.value["as"]["change"], event.node, event.peer
    start, end, term = int(body["from"]), int(body["to"]), int(body["term"])

    def campaign():
        how = {0: "in term %d asks who would vote for it", 2: "forces an election in term %d"}.get(start, "asks for votes in term %d")
        return "n%d %s, with a log up to %d" % (n, how % term, end)

    def progress():
        first, last = (words.enum("vlot_progress_state", "VLOT_PROGRESS_", state) for state in (start, end))
        return "n%d, towards n%d, goes from %s to %s" % (n, peer, first, last)

    def ignored():
        return "n%d ignores a message of term %d from n%d%s" % (n, term, peer, ", " + words.message(start) if start else "")

    texts = {
        "campaign": campaign,
        "vote": lambda: "n%d %s n%d its %svote in term %d" % (n, "grants" if end == 1 else "refuses", peer, "pre-" if start == 1 else "", term),
        "tally": lambda: "n%d counts the answer of n%d in term %d: %d of the %s it needs" % (
            n, peer, term, start, words.counted(end, "vote", "votes")),
        "leader": lambda: "n%d becomes leader of term %d" % (n, term),
        "step down": lambda: "n%d steps down as leader of term %d" % (n, term),
        "role": lambda: "n%d, in term %d, turns from %s to %s" % (n, term, words.role(start), words.role(end)),
        "term": lambda: "n%d goes from term %d to term %d" % (n, start, end),
        "known leader": lambda: "n%d knows n%d as leader of term %d" % (n, end, term) if end else (
            "n%d knows no leader any more in term %d" % (n, term)),
        "match": lambda: "n%d knows that n%d stores its log up to %d (was %d)" % (n, peer, end, start),
        "progress": progress,
        "mismatch": lambda: "n%d cannot append after %d of term %d from n%d; it hints at %d" % (n, start, term, peer, end),
        "durable": lambda: "n%d has made durable its log up to %d (was %d), term %d%s" % (
            n, end, start, term, " and its vote for n%d" % peer if peer else ""),
        "ignored": ignored,
        "fenced": lambda: of_fenced(event, start, end, term),
        "kill": lambda: "n%d stops running%s" % (n, " by a power cut" if start == 1 else ""),
        "restart": lambda: of_restart(event, start),
        "suspend": lambda: "n%d is suspended" % n,
        "resume": lambda: "n%d is resumed" % n,
        "fault": lambda: of_fault(event, start, end, term),
        "clock wait": lambda: "The clock waits for n%d" % (n or peer),
        "lint": lambda: "Note: %s (vlot_lint_text() says more)" % words.enum("vlot_lint_number", "VLOT_LINT_", start),
        "request": lambda: of_request(event, start, term),
        "violation": lambda: of_violation(event, start),
        "snapshot taken": lambda: "n%d has a snapshot at %d of term %d%s" % (n, end, term, " (was at %d)" % start if start else ""),
        "no snapshot": lambda: "n%d takes no snapshot at %d%s" % (n, end, " (it has one at %d)" % start if start else ""),
        "snapshot sent": lambda: "n%d sends n%d bytes %d to %d of the snapshot at %d" % (n, peer, start, end, term),
        "snapshot installed": lambda: "n%d begins at n%d's snapshot, at %d of term %d (had committed %d)" % (n, peer, end, term, start),
        "compacted": lambda: "n%d drops its log up to %d of term %d (it began behind %d)" % (n, end, term, start),
        "order": lambda: of_order(event, start, end),
    }
    return texts.get(event.kind, lambda: "n%d: an event of the unknown kind %d" % (n, int(event.value["kind"])))()


BODIES = {
    "start": of_step, "step": of_step, "sent": of_message, "received": of_message, "dropped": of_message, "append": of_slice, "truncate": of_slice,
    "commit": of_slice, "apply": of_slice, "propose": of_client, "read": of_client, "answer": of_client, "config": of_config,
}


def sentence(event):
    text = BODIES.get(event.kind, of_change)(event)
    has_why = event.why and event.kind not in WITHOUT_WHY and not is_fault_told(event)
    return text + (": " + describe.said("why", event.why) if has_why else "")
