/* vlot sim: what was seen in the events of a run. */
#include <inttypes.h>
#include <stdlib.h>

#include "sim.h"

enum { PEERS_MAX = 16 }; /* in larger clusters leaders' views of others are not looked at */

static const char *const texts[] = {
#define VLOT_X(name, text) text,
    VLOT__SIM_MARKS(VLOT_X)
#undef VLOT_X
};

const char *vlot__sim_mark_text(vlot__sim_mark mark) { return texts[mark]; }

/* --- snapshots, and what only a node's past shows --- */

bool vlot__sim_marks_open(vlot__sim_world *world) {
  size_t nodes = (size_t)world->nodes + 1, peers = world->nodes <= PEERS_MAX ? nodes : 0;
  world->seen = calloc(1, nodes * sizeof *world->seen + 2 * nodes * peers * sizeof(uint64_t));
  if (!world->seen) return false;
  uint64_t *rows = (uint64_t *)(void *)(world->seen + nodes);
  for (size_t id = 0; id < nodes && peers > 0; id++) {
    world->seen[id].matches = rows + 2 * id * peers;
    world->seen[id].sent = rows + (2 * id + 1) * peers;
  }
  return true;
}

static void end_leadership(const vlot__sim_world *world, vlot__sim_seen *at) {
  at->leads = at->has_figure_8 = false;
  at->transfers = 0;
  at->term_first = 0;
  for (uint32_t id = 1; at->matches && id <= world->nodes; id++) at->matches[id] = at->sent[id] = 0;
}

/* An entry of an older term stands on a majority, which commits nothing yet (figure 8). */
static void look_for_figure_8(vlot__sim_world *world, vlot__sim_seen *at) {
  uint32_t voters = world->nodes - world->learners, older = 1, newer = 1;
  if (at->has_figure_8 || !at->matches || at->term_first <= at->commit + 1) return;
  for (uint32_t id = 1; id <= voters; id++) {
    older += at->matches[id] > at->commit;
    newer += at->matches[id] >= at->term_first;
  }
  if (older < voters / 2 + 1 || newer >= voters / 2 + 1) return;
  at->has_figure_8 = true;
  world->marks[VLOT__MARK_FIGURE_8]++;
}

static void count_progress(vlot__sim_world *world, vlot__sim_seen *at, const vlot_event *event) {
  if (event->as.change.from == VLOT_PROGRESS_SNAPSHOT && at->transfers > 0) at->transfers--;
  if (event->as.change.to == VLOT_PROGRESS_SNAPSHOT && ++at->transfers == 2)
    world->marks[VLOT__MARK_TRANSFERS_TWO]++;
  if (at->sent) at->sent[event->peer] = 0;
}

static void count_installed(vlot__sim_world *world, vlot__sim_seen *at, const vlot_event *event) {
  uint64_t *marks = world->marks, index = event->as.change.to;
  marks[VLOT__MARK_INSTALLED]++;
  marks[VLOT__MARK_INSTALLED_CONFLICT] += at->last >= index;
  at->installing = at->last = at->commit = index;
  at->is_receiving = false;
}

static void count_end(vlot__sim_world *world, vlot__sim_seen *at) {
  uint64_t *marks = world->marks;
  marks[VLOT__MARK_SENDERS_ENDED] += at->leads && at->transfers > 0;
  marks[VLOT__MARK_RECEIVERS_ENDED] += at->is_receiving;
  marks[VLOT__MARK_INSTALLS_ENDED] += at->installing > 0;
  end_leadership(world, at);
  at->is_receiving = at->is_overwritten = false;
  at->installing = 0;
}

static void count_durable(vlot__sim_world *world, vlot__sim_seen *at, const vlot_event *event) {
  at->durable = event->as.change.to;
  if (at->durable >= at->installing) at->installing = 0;
  world->marks[VLOT__MARK_OVERWRITTEN] += at->is_overwritten;
  at->is_overwritten = false;
}

static void count_slice(vlot__sim_world *world, vlot__sim_seen *at, const vlot_event *event) {
  uint64_t first = event->as.slice.first, last = first + event->as.slice.count - 1;
  switch (event->kind) {
  case VLOT_EVENT_APPEND:
    at->last = last;
    if (at->leads && at->term_first == 0 && event->as.slice.term == at->term)
      at->term_first = first;
    break;
  case VLOT_EVENT_TRUNCATE:
    at->is_overwritten = at->is_overwritten || at->last > at->durable;
    at->last = first - 1;
    if (at->durable > at->last) at->durable = at->last;
    break;
  default:
    at->commit = last;
    look_for_figure_8(world, at);
    break;
  }
}

/* What nodes say to each other of snapshots and votes. */
static void count_message(vlot__sim_world *world, vlot__sim_seen *at, const vlot_event *event) {
  uint64_t *marks = world->marks, kind = event->as.message.kind;
  bool is_ok = (event->as.message.flags & VLOT_MESSAGE_OK) != 0;
  bool is_lost = event->why == VLOT_WHY_LINK_LOSS || event->why == VLOT_WHY_LINK_CUT;
  if (event->kind == VLOT_EVENT_DROPPED) {
    marks[VLOT__MARK_CHUNKS_LOST] += is_lost && kind == VLOT_MESSAGE_INSTALL;
  } else if (event->kind == VLOT_EVENT_RECEIVED) {
    marks[VLOT__MARK_PRE_VOTES_HIGHER] +=
        kind == VLOT_MESSAGE_PRE_VOTE_REPLY && !is_ok && event->as.message.term > at->term;
    marks[VLOT__MARK_CHUNKS_AGAIN] +=
        kind == VLOT_MESSAGE_INSTALL && at->is_receiving && event->as.message.entries > 0 &&
        event->as.message.index == at->part_index &&
        event->as.message.commit + event->as.message.entries <= at->part_to;
  } else if (kind == VLOT_MESSAGE_INSTALL_REPLY) {
    marks[VLOT__MARK_SUFFIX_KEPT] += is_ok && at->last > event->as.message.index;
    at->is_receiving = event->why == VLOT_WHY_SNAPSHOT_PARTIAL && event->as.message.commit > 0;
    at->part_index = event->as.message.index;
    at->part_to = event->as.message.commit;
  }
}

static void count_sent_part(vlot__sim_world *world, vlot__sim_seen *at, const vlot_event *event) {
  uint64_t *before = at->sent ? &at->sent[event->peer] : NULL;
  if (!before) return;
  world->marks[VLOT__MARK_TRANSFERS_ANEW] += *before != 0 && *before != event->as.change.term;
  *before = event->as.change.term;
}

static void count_past(vlot__sim_world *world, const vlot_event *event) {
  uint64_t *marks = world->marks;
  vlot__sim_seen *at = &world->seen[event->node];
  switch (event->kind) {
  case VLOT_EVENT_STEP: at->term = event->as.step.after.term; break;
  case VLOT_EVENT_START:
    at->term = event->as.step.after.term;
    at->last = at->durable = event->as.step.after.last_index;
    at->commit = event->as.step.after.commit_index;
    marks[VLOT__MARK_RECOVERED] += at->commit > 0;
    break;
  case VLOT_EVENT_LEADER:
    end_leadership(world, at);
    at->leads = true;
    break;
  case VLOT_EVENT_STEP_DOWN: end_leadership(world, at); break;
  case VLOT_EVENT_KILL: count_end(world, at); break;
  case VLOT_EVENT_APPEND:
  case VLOT_EVENT_TRUNCATE:
  case VLOT_EVENT_COMMIT: count_slice(world, at, event); break;
  case VLOT_EVENT_DURABLE: count_durable(world, at, event); break;
  case VLOT_EVENT_MATCH:
    if (at->matches) at->matches[event->peer] = event->as.change.to;
    look_for_figure_8(world, at);
    break;
  case VLOT_EVENT_PROGRESS: count_progress(world, at, event); break;
  case VLOT_EVENT_READ:
    marks[VLOT__MARK_READS_EARLY] += at->leads && at->commit < at->term_first;
    break;
  case VLOT_EVENT_VOTE:
    marks[VLOT__MARK_STICKY] += event->as.change.to == 0 && event->why == VLOT_WHY_LEADER_ALIVE;
    break;
  case VLOT_EVENT_IGNORED:
    marks[VLOT__MARK_CHUNKS_LATE] += event->why == VLOT_WHY_SNAPSHOT_STALE;
    break;
  case VLOT_EVENT_SNAPSHOT_TAKEN: marks[VLOT__MARK_TAKEN]++; break;
  case VLOT_EVENT_COMPACTED: marks[VLOT__MARK_COMPACTIONS]++; break;
  case VLOT_EVENT_SNAPSHOT_SENT: count_sent_part(world, at, event); break;
  case VLOT_EVENT_SNAPSHOT_INSTALLED: count_installed(world, at, event); break;
  case VLOT_EVENT_SENT:
  case VLOT_EVENT_RECEIVED:
  case VLOT_EVENT_DROPPED: count_message(world, at, event); break;
  default: break;
  }
}

/* --- all others --- */

static void count_change(vlot__sim_world *world, const vlot_event *event) {
  uint64_t *marks = world->marks;
  switch (event->kind) {
  case VLOT_EVENT_CAMPAIGN: marks[VLOT__MARK_FORCED] += event->as.change.from == 2; break;
  case VLOT_EVENT_VOTE:
    if (event->as.change.to == 1) break;
    marks[event->as.change.from == 1 ? VLOT__MARK_PRE_VOTES_REFUSED : VLOT__MARK_VOTES_REFUSED]++;
    break;
  case VLOT_EVENT_STEP_DOWN:
    marks[VLOT__MARK_STEP_DOWNS_ALONE] += event->why == VLOT_WHY_NO_QUORUM_CONTACT;
    marks[VLOT__MARK_STEP_DOWNS_TERM] += event->why == VLOT_WHY_HIGHER_TERM;
    break;
  case VLOT_EVENT_ROLE:
    /* a candidate that is one again, or is none any more */
    marks[VLOT__MARK_ELECTIONS_LOST] += event->as.change.from == VLOT_ROLE_CANDIDATE;
    break;
  case VLOT_EVENT_KILL:
    if (event->why == VLOT_WHY_KILLED) marks[VLOT__MARK_KILLS]++;
    marks[VLOT__MARK_POWER_CUTS] += event->as.change.from == 1;
    break;
  case VLOT_EVENT_RESTART:
    marks[VLOT__MARK_RESTARTS]++;
    marks[VLOT__MARK_WIPES] += event->as.change.from == VLOT_RESTART_WIPE;
    break;
  case VLOT_EVENT_MISMATCH: marks[VLOT__MARK_MISMATCHES]++; break;
  case VLOT_EVENT_SUSPEND: marks[VLOT__MARK_SUSPENDS]++; break;
  default: break;
  }
}

static void count(vlot__sim_world *world, const vlot_event *event) {
  uint64_t *marks = world->marks;
  switch (event->kind) {
  case VLOT_EVENT_LEADER: marks[VLOT__MARK_LEADERS]++; break;
  case VLOT_EVENT_TRUNCATE:
    marks[VLOT__MARK_TRUNCATIONS]++;
    marks[VLOT__MARK_TRUNCATIONS_LONG] += event->as.slice.count >= 2;
    break;
  case VLOT_EVENT_DROPPED:
    marks[VLOT__MARK_LOST_MESSAGES] +=
        event->why == VLOT_WHY_LINK_LOSS || event->why == VLOT_WHY_LINK_CUT;
    break;
  default: count_change(world, event); break;
  }
}

/* Only a disk that fails may fence a node here; every other reason is a broken promise. */
static bool watch_fence(vlot__sim_world *world, const vlot_event *event) {
  if (event->why == VLOT_WHY_WRITE_FAILED) {
    world->marks[VLOT__MARK_FENCED]++;
    world->has_fence = true;
    return true;
  }
  if (event->why == VLOT_WHY_NO_MEMORY)
    return vlot__sim_fail(world, VLOT__SIM_NO_MEMORY,
                          "n%u was fenced because memory ran out, at tick %" PRIu64, event->node,
                          event->tick);
  return vlot__sim_fail(world, VLOT__SIM_VIOLATED, "n%u is fenced: %s", event->node,
                        vlot_why_text((vlot_why)event->why));
}

static bool watch_cause(vlot__sim_world *world, const vlot_event *event) {
  const char *problem = vlot__causes_feed(world->causes, event);
  return !problem || vlot__sim_fail(world, VLOT__SIM_VIOLATED, "a cause is false: %s", problem);
}

bool vlot__sim_marks_watch(vlot__sim_world *world) {
  vlot_event event;
  bool is_ok = true;
  while (vlot_subscription_next(world->subscription, &event)) {
    is_ok = watch_cause(world, &event) && is_ok;
    count_past(world, &event);
    if (event.kind == VLOT_EVENT_FENCED)
      is_ok = watch_fence(world, &event) && is_ok;
    else
      count(world, &event);
  }
  vlot__recording_drain(world->record);
  return is_ok;
}
