"""What must hold, looked up in memory now, each with what was seen. Nodes whose turn a thread is in the middle of may be between two states."""
import gdb

from . import find, parse, state, words

ENTRIES_MAX = 4096  # newest entries of a log that are compared


class Findings:
    def __init__(self):
        self.rows, self.is_broken = [], False

    def add(self, name, problems, seen):
        self.is_broken = self.is_broken or bool(problems)
        for problem in problems or [seen]:
            self.rows.append([name, "BROKEN" if problems else "holds", problem])


def quorum(cluster):
    voters = sum(1 for one in cluster.members if not int(one["is_learner"]))
    return voters // 2 + 1


def leaders(nodes, findings):
    leading = {}
    for one in nodes:
        if one.role == "leader":
            leading.setdefault(one.term, []).append(words.node(one.id))
    problems = ["%s lead term %d" % (" and ".join(found), term) for term, found in sorted(leading.items()) if len(found) > 1]
    seen = ", ".join("%s leads term %d" % (found[0], term) for term, found in sorted(leading.items()))
    findings.add("one leader in a term", problems, seen or "nobody leads")


def is_wiped(cluster, one):
    """A blank disk knows of no vote: its id is not the configuration's (0: any)."""
    known = next((int(member["disk_id"]) for member in cluster.members if int(member["id"]) == one.id), 0)
    return known not in (0, one.value.disk_id)


def votes(cluster, nodes, down, findings):
    problems, seen = [], []
    for leader in (one for one in nodes if one.role == "leader"):
        for_it = [one for one in nodes if one.term == leader.term and one.raft.vote == leader.id]
        wiped = [one for one in nodes if one not in for_it and is_wiped(cluster, one)]
        unknown = [one for one in nodes if one.term > leader.term and one not in wiped]
        text = "of n%d in term %d: %s" % (leader.id, leader.term, ", ".join(words.node(one.id) for one in for_it) or "nobody")
        text += "".join("; n%d is in term %d" % (one.id, one.term) for one in unknown) + "".join("; n%d is down" % one for one in down)
        text += "".join("; n%d's disk was wiped" % one.id for one in wiped)
        (seen if len(for_it) + len(unknown) + len(down) + len(wiped) >= quorum(cluster) else problems).append(text)
    problems = [problem + ": no quorum of %d" % quorum(cluster) for problem in problems]
    findings.add("a leader has votes", problems, "; ".join(seen) or "nobody leads")


def bounds(nodes, findings):
    problems = []
    for one in nodes:
        log = one.raft.log
        base, last, commit = log.base, log.last, one.raft.commit
        applied, durable = one.node.applied, one.raft.durable
        for text, holds in (
            ("commit %d is beyond its log, which ends at %d" % (commit, last), commit <= last),
            ("applied %d, and only %d is committed" % (applied, commit), applied <= commit),
            ("durable %d is beyond its log, which ends at %d" % (durable, last), durable <= last),
            ("its log begins after %d, and only %d is committed" % (base, commit), base <= commit),
            ("its last entry is of term %d, and it is in term %d" % (log.last_term, one.term), log.last_term <= one.term),
        ):
            if not holds:
                problems.append("n%d: %s" % (one.id, text))
    findings.add("applied <= commit <= last", problems, "%s looked at" % words.counted(len(nodes), "node", "nodes"))


def tail(one):
    log = one.raft.log
    base, last = log.base, log.last
    return {entry.index: entry for entry in state.entries(one.raft, max(base + 1, last - ENTRIES_MAX + 1), last)}


def same(a, b):
    return (a.term, a.kind, a.size) == (b.term, b.kind, b.size) and (a.size == 0 or a.bytes(a.size) == b.bytes(b.size))


def pairs(nodes):
    return [(a, b) for k, a in enumerate(nodes) for b in nodes[k + 1:]]


def rising(nodes, tails, findings):
    problems = []
    for one in nodes:
        entries = [tails[one.id][index] for index in sorted(tails[one.id])]
        for before, after in zip(entries, entries[1:]):
            if after.term < before.term:
                problems.append("n%d: entry %d is of term %d, and entry %d before it of term %d" % (
                    one.id, after.index, after.term, before.index, before.term))
                break
    counted = sum(len(entries) for entries in tails.values())
    findings.add("terms rise in a log", problems, "%s looked at" % words.counted(counted, "entry", "entries"))


def matching(nodes, tails, findings):
    """The same index and term: the same entry, and the same before it."""
    problems, compared = [], 0
    for a, b in pairs(nodes):
        left, right = tails[a.id], tails[b.id]
        common = sorted(set(left) & set(right))
        agreed = max((index for index in common if left[index].term == right[index].term), default=0)
        compared += len(common)
        for index in common:
            if index <= agreed and not same(left[index], right[index]):
                problems.append("n%d and n%d have the same term at entry %d and differ at entry %d" % (a.id, b.id, agreed, index))
                break
    findings.add("logs match", problems, "%s compared" % words.counted(compared, "pair of entries", "pairs of entries"))


def committed(nodes, tails, findings):
    problems, upto = [], []
    for a, b in pairs(nodes):
        common = min(a.raft.commit, b.raft.commit)
        upto.append(common)
        left, right = tails[a.id], tails[b.id]
        for index in sorted(set(left) & set(right)):
            if index <= common and not same(left[index], right[index]):
                problems.append("n%d has committed entry %d of term %d, n%d another of term %d" % (
                    a.id, index, left[index].term, b.id, right[index].term))
                break
    findings.add("committed is the same", problems, "of every two nodes, up to entry %d at least" % min(upto) if upto else "one node")


def complete(nodes, tails, findings):
    """Whoever leads the highest term has what any node knows as committed (section 5.4)."""
    leading = [one for one in nodes if one.role == "leader"]
    leader = max(leading, key=lambda one: one.term) if leading else None
    if leader is None or any(one.term > leader.term for one in nodes):
        findings.add("a leader has it all", [], "nobody leads the highest term")
        return
    problems = []
    last, has = leader.raft.log.last, tails[leader.id]
    for one in nodes:
        commit = one.raft.commit
        wrong = [index for index, entry in tails[one.id].items() if index <= commit and index in has and not same(entry, has[index])]
        if commit > last:
            problems.append("n%d knows %d as committed, the log of leader n%d ends at %d" % (one.id, commit, leader.id, last))
        elif wrong:
            problems.append("n%d has committed another entry %d than leader n%d has" % (one.id, min(wrong), leader.id))
    findings.add("a leader has it all", problems, "n%d has what anybody has committed" % leader.id)


def built_in(cluster, findings):
    if cluster.has_violation:
        findings.add("built-in checker", [cluster.violation], "")
    elif cluster.checker:
        findings.add("built-in checker", [], "it has seen every event, and objects to none")
    else:
        findings.rows.append(["built-in checker", "off", "options.has_checker"])


def check(text):
    parse.arguments(text, 0, 0, "vlot check")
    cluster = find.cluster()
    seats = state.seats(cluster)
    nodes = [one for one in seats if one.raft is not None]
    down = [one.id for one in seats if one.raft is None]
    tails = {one.id: tail(one) for one in nodes}
    findings = Findings()
    leaders(nodes, findings)
    votes(cluster, nodes, down, findings)
    bounds(nodes, findings)
    rising(nodes, tails, findings)
    matching(nodes, tails, findings)
    committed(nodes, tails, findings)
    complete(nodes, tails, findings)
    built_in(cluster, findings)
    words.table(["what", "", "seen"], findings.rows)
    if findings.is_broken and state.driver(cluster) == "threads":
        print("A thread that stands in the middle of a turn may have changed one of two things: let it end its turn, and look again.")


COMMANDS = {"check": (check, "What must hold, looked up now, with what was seen: vlot check.")}
