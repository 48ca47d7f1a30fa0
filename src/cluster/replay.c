/* Carrying a journal out again, one record after the other in their order. What stands in it is
 * data: no assertion depends on it. */
#include <inttypes.h>

#include "cluster/control.h"
#include "cluster/observe.h"
#include "cluster/replay_inside.h"
#include "cluster/stop.h"

/* --- control's records --- */

static void check_digest(vlot__replay *replay, const vlot__seat *seat, uint64_t recorded) {
  if (seat->digest != recorded)
    vlot__replay_diverge(replay,
                         "it has put out something else since its last turn than was recorded");
}

static void run_start(vlot__replay *replay, vlot__seat *seat, vlot__journal_reader reader) {
  vlot_cluster *cluster = replay->cluster;
  vlot_raft_status status;
  uint32_t incarnation = vlot__read32(&reader);
  uint64_t tick = vlot__read64(&reader), now = vlot__now(cluster);
  uint32_t permille = vlot__read32(&reader);
  uint64_t disk = vlot__read64(&reader), term = vlot__read64(&reader);
  uint32_t vote = vlot__read32(&reader);
  uint64_t last = vlot__read64(&reader), recorded = vlot__read64(&reader);
  if (seat->node || tick > VLOT__REPLAY_TICK_MAX || permille > 100000) {
    vlot__replay_diverge(replay, "it is recorded to start, and it is up");
    return;
  }
  atomic_store(&seat->clock_permille, permille);
  /* its own time begins here; others may have been later in the journal's order */
  atomic_store(&cluster->now, tick);
  seat->incarnation = incarnation - 1;
  vlot_result result = vlot__seat_start(seat);
  if (now > tick) atomic_store(&cluster->now, now);
  if (result != VLOT_OK) {
    vlot__replay_diverge(replay, "it is recorded to start, and here it cannot: %s",
                         vlot_result_text(result));
    return;
  }
  vlot_raft_get_status(seat->node->raft, &status);
  if (status.term != term || status.vote != vote || status.last_index != last ||
      seat->disk_id != disk)
    vlot__replay_diverge(replay,
                         "it is recorded to recover term %" PRIu64 ", vote %u, log up to %" PRIu64
                         "; here term %" PRIu64 ", vote %u, log up to %" PRIu64,
                         term, vote, last, status.term, status.vote, status.last_index);
  check_digest(replay, seat, recorded);
}

static bool check_machine(vlot__replay *replay, const vlot__seat *seat, uint64_t applied,
                          uint64_t hash) {
  uint64_t here = 0, here_applied = seat->node->applied_index, ignored;
  if (vlot__node_hash(seat->node, &here, &ignored) != VLOT_OK) here = hash;
  if (here_applied == applied && here == hash) return true;
  vlot__replay_diverge(replay,
                       "its machine is recorded to have applied %" PRIu64 " with hash %016" PRIx64
                       "; here %" PRIu64 " with hash %016" PRIx64,
                       applied, hash, here_applied, here);
  return false;
}

static bool is_wanted(void *context, uint64_t id) {
  const vlot__replay *replay = context;
  if (replay->wanted_room == 0) return true;
  for (size_t k = (size_t)vlot__prng_mix(id) & (replay->wanted_room - 1); replay->wanted[k] != 0;
       k = (k + 1) & (replay->wanted_room - 1))
    if (replay->wanted[k] == id) return true;
  return false;
}

/* Ids that a record names: how many, or, with a table, into it. */
static size_t collect_wanted(vlot__replay *replay, bool is_counting) {
  size_t count = 0;
  for (size_t r = 0; r < replay->count; r++) {
    const vlot__replay_record *one = &replay->records[r];
    vlot__journal_reader reader = vlot__replay_body(one);
    vlot__replay_item last = {0}, next;
    uint64_t id;
    for (;;) {
      if (vlot__replay_type(one) == VLOT__RECORD_TURN ||
          vlot__replay_type(one) == VLOT__RECORD_MORE) {
        if (!vlot__replay_read_item(&reader, &last, &next)) break;
        if (!vlot__replay_is_mail(&next)) continue;
        last = next;
        if (next.kind == VLOT__MAIL_TICK || next.kind == VLOT__MAIL_STORED ||
            next.kind == VLOT__MAIL_WRITTEN || next.has_payload)
          continue;
        id = next.id;
      } else if (vlot__replay_type(one) == VLOT__RECORD_DROP &&
                 reader.at == one->at + VLOT__JOURNAL_RECORD_HEAD) {
        vlot__read32(&reader);
        id = vlot__read64(&reader);
      } else if (vlot__replay_type(one) == VLOT__RECORD_COPY &&
                 reader.at == one->at + VLOT__JOURNAL_RECORD_HEAD) {
        id = vlot__read64(&reader);
      } else {
        break;
      }
      count++;
      if (is_counting || is_wanted(replay, id)) continue;
      size_t k = (size_t)vlot__prng_mix(id) & (replay->wanted_room - 1);
      while (replay->wanted[k] != 0) k = (k + 1) & (replay->wanted_room - 1);
      replay->wanted[k] = id;
    }
  }
  return count;
}

/* What lay in the mailbox of a node that is gone, and nobody ever took, was lost with it. Without
 * memory it stays in the list. */
static void lose_mail(vlot__replay *replay, uint32_t node) {
  if (!replay->wanted) {
    size_t room = 64;
    while (room < 2 * collect_wanted(replay, true)) room *= 2;
    replay->wanted = vlot__alloc_zero(replay->allocator, room, sizeof *replay->wanted);
    if (!replay->wanted) return;
    replay->wanted_room = room;
    collect_wanted(replay, false);
  }
  vlot__pending_purge(replay->cluster, node, is_wanted, replay);
}

static void run_kill(vlot__replay *replay, const vlot__replay_record *one, vlot__seat *seat) {
  vlot__journal_reader reader = vlot__replay_body(one);
  vlot_why why = (vlot_why)vlot__read32(&reader);
  uint64_t durable = vlot__read64(&reader), applied = vlot__read64(&reader),
           hash = vlot__read64(&reader), digest = vlot__read64(&reader);
  if (!seat->node) {
    vlot__replay_diverge(replay, "it is recorded to be killed, and it is down");
    return;
  }
  if (seat->digest != digest) check_digest(replay, seat, digest);
  if (!check_machine(replay, seat, applied, hash) || vlot__replay_type(one) == VLOT__RECORD_CLOSE ||
      replay->status.has_diverged)
    return;
  bool is_power_cut = vlot__replay_flags(one) & 1;
  vlot__disk_stop_at(seat->disk, durable, is_power_cut);
  replay->was_leader = (vlot__replay_flags(one) & 2) != 0;
  vlot__seat_stop(seat, why, is_power_cut);
  replay->was_leader = -1;
  lose_mail(replay, seat->id);
}

static void run_restart(vlot__seat *seat, vlot_restart how, vlot__journal_reader reader) {
  vlot__seat_restarted(seat, how, vlot__read64(&reader));
}

static void run_suspend(vlot_cluster *cluster, vlot__seat *seat, bool is_suspended) {
  atomic_store(&seat->state, is_suspended ? VLOT_NODE_SUSPENDED : VLOT_NODE_UP);
  if (is_suspended) vlot__pending_forget(seat);
  seat->cause = 0;
  vlot__emit_change(cluster, seat, is_suspended ? VLOT_EVENT_SUSPEND : VLOT_EVENT_RESUME,
                    is_suspended ? VLOT_WHY_SUSPENDED : VLOT_WHY_RESUMED, 0, 0, 0, 0);
  if (!is_suspended) vlot__pending_unpark(seat);
}

static void run_link(vlot__replay *replay, vlot__journal_reader reader) {
  vlot_cluster *cluster = replay->cluster;
  uint32_t from = vlot__read32(&reader), to = vlot__read32(&reader);
  vlot_link link;
  uint32_t *const fields[10] = {&link.is_cut,          &link.loss,
                                &link.duplicate,       &link.reorder,
                                &link.reorder_ticks,   &link.delay_ticks_min,
                                &link.delay_ticks_max, &link.tail,
                                &link.tail_ticks,      &link.kinds};
  for (int k = 0; k < 10; k++) *fields[k] = vlot__read32(&reader);
  /* for views only */
  (void)vlot__links_restore(cluster, from, to, from ? &link : NULL);
}

static void run_clock(vlot_cluster *cluster, vlot__seat *seat, vlot__journal_reader reader) {
  uint32_t permille = vlot__read32(&reader);
  uint64_t tick = vlot__read64(&reader), now = vlot__now(cluster);
  if (permille > 100000 || tick > VLOT__REPLAY_TICK_MAX || !seat->node) return;
  atomic_store(&seat->clock_changed, tick);
  atomic_store(&seat->clock_permille, permille);
  atomic_store(&cluster->now, tick);
  vlot__node_clock_changed(seat->node);
  if (now > tick) atomic_store(&cluster->now, now);
  vlot__pending_seat_changed(seat);
}

static void run_drop(vlot__replay *replay, const vlot__replay_record *one) {
  vlot_cluster *cluster = replay->cluster;
  vlot__journal_reader reader = vlot__replay_body(one);
  vlot_why why = (vlot_why)vlot__read32(&reader);
  uint64_t id = vlot__read64(&reader);
  vlot__item *item = vlot__pending_take(cluster, id);
  if (item) {
    vlot__pending_lose(cluster, item, why);
    return;
  }
  if (vlot__replay_flags(one) & 1) {
    vlot__replay_diverge(
        replay, "message %" PRIu64 " is recorded to be dropped, and has not been sent here", id);
    return;
  }
  /* a client's, which nobody took */
  vlot_event *event =
      vlot__event_begin(cluster, NULL, VLOT_EVENT_DROPPED, why, vlot__replay_node(one));
  event->message = id;
  vlot__emit(cluster, NULL, event);
}

static void run_copy(vlot__replay *replay, vlot__journal_reader reader) {
  uint64_t id = vlot__read64(&reader), copy = vlot__read64(&reader);
  const vlot__item *item = vlot__pending_find(replay->cluster, id);
  bool is_message = item && item->from != 0;
  vlot__item *twin = is_message ? vlot__pending_copy(replay->cluster, item, copy) : NULL;
  if (twin)
    vlot__emit_copied(replay->cluster, twin->mail_kind, twin->payload);
  else
    vlot__replay_diverge(
        replay, "message %" PRIu64 " is recorded to be duplicated, and has not been sent here", id);
}

/* The cluster's own events that are about nothing but a change. */
static bool may_be_its_own(uint32_t kind) {
  return kind == VLOT_EVENT_FAULT || kind == VLOT_EVENT_CLOCK_WAIT ||
         kind == VLOT_EVENT_VIOLATION || kind == VLOT_EVENT_LINT || kind == VLOT_EVENT_REQUEST;
}

static void run_event(vlot_cluster *cluster, vlot__journal_reader reader) {
  uint32_t kind = vlot__read16(&reader), why = vlot__read16(&reader), peer = vlot__read32(&reader);
  uint64_t from = vlot__read64(&reader), to = vlot__read64(&reader), term = vlot__read64(&reader);
  /* a replay's own checker finds it itself, and tells it */
  bool is_found_here = kind == VLOT_EVENT_VIOLATION && cluster->observer.checker;
  if (may_be_its_own(kind) && !is_found_here)
    vlot__emit_change(cluster, NULL, (vlot_event_kind)kind, (vlot_why)why, peer, from, to, term);
}

static void run_unstart(vlot__seat *seat) {
  vlot__node *node = seat->node;
  vlot__pending_forget(seat);
  vlot__disk_stop_at(seat->disk, 0, false); /* it had no turn, and wrote nothing */
  atomic_store(&seat->state, VLOT_NODE_DOWN);
  seat->node = NULL;
  if (node) vlot__node_close(node, VLOT_WHY_START_FAILED);
}

/* --- one record after the other --- */

/* May a node do this now? What it is recorded to do must fit what it is. */
static bool fits(vlot__replay *replay, const vlot__replay_record *one, const vlot__seat *seat) {
  uint32_t type = vlot__replay_type(one);
  bool is_up = seat && seat->node;
  switch ((vlot__journal_type)type) {
  case VLOT__RECORD_TURN:
    if (is_up && !seat->node->tape.is_cut) return true;
    vlot__replay_diverge(replay, "it is recorded to take a turn, and it is down");
    return false;
  case VLOT__RECORD_SUSPEND:
  case VLOT__RECORD_RESUME:
  case VLOT__RECORD_UNSTART:
    if (is_up) return true;
    vlot__replay_diverge(replay, "it is recorded to be suspended or resumed, and it is down");
    return false;
  case VLOT__RECORD_RESTART:
    if (!is_up && vlot__replay_flags(one) <= VLOT_RESTART_WIPE) return true;
    vlot__replay_diverge(replay, "it is recorded to be started again, and it is up");
    return false;
  default: return true;
  }
}

static void run_record(vlot__replay *replay, size_t place) {
  vlot_cluster *cluster = replay->cluster;
  const vlot__replay_record *one = &replay->records[place];
  vlot__seat *seat = vlot__seat_of(cluster, vlot__replay_node(one));
  switch ((vlot__journal_type)vlot__replay_type(one)) {
  case VLOT__RECORD_TURN: vlot__replay_turn(replay, place, seat); return;
  case VLOT__RECORD_START: run_start(replay, seat, vlot__replay_body(one)); return;
  case VLOT__RECORD_UNSTART: run_unstart(seat); return;
  case VLOT__RECORD_KILL:
  case VLOT__RECORD_CLOSE: run_kill(replay, one, seat); return;
  case VLOT__RECORD_RESTART:
    run_restart(seat, (vlot_restart)vlot__replay_flags(one), vlot__replay_body(one));
    return;
  case VLOT__RECORD_SUSPEND: run_suspend(cluster, seat, true); return;
  case VLOT__RECORD_RESUME: run_suspend(cluster, seat, false); return;
  case VLOT__RECORD_LINK: run_link(replay, vlot__replay_body(one)); return;
  case VLOT__RECORD_CLOCK: run_clock(cluster, seat, vlot__replay_body(one)); return;
  case VLOT__RECORD_DROP: run_drop(replay, one); return;
  case VLOT__RECORD_COPY: run_copy(replay, vlot__replay_body(one)); return;
  case VLOT__RECORD_EVENT: run_event(cluster, vlot__replay_body(one)); return;
  case VLOT__RECORD_MORE:
  case VLOT__RECORD_QUARANTINE:
  case VLOT__RECORD_END:
  case VLOT__RECORDS: return;
  }
}

/* Records that are no actions go with the one before. */
static bool is_silent(const vlot__replay_record *one) {
  uint32_t type = vlot__replay_type(one);
  return type == VLOT__RECORD_MORE || type == VLOT__RECORD_LINK || type == VLOT__RECORD_CLOSE ||
         type == VLOT__RECORD_END;
}

/* The last tick that it takes the cluster to; 0: it stands at no tick of its own. */
static uint64_t tick_of(const vlot__replay *replay, size_t place) {
  const vlot__replay_record *one = &replay->records[place];
  uint64_t tick = 0;
  if (vlot__replay_type(one) == VLOT__RECORD_START) {
    vlot__journal_reader reader = vlot__replay_body(one);
    (void)vlot__read32(&reader);
    return vlot__read64(&reader);
  }
  if (vlot__replay_type(one) != VLOT__RECORD_TURN) return 0;
  for (; place != VLOT__REPLAY_NONE; place = replay->records[place].next) {
    vlot__journal_reader reader = vlot__replay_body(&replay->records[place]);
    vlot__replay_item last = {0}, next;
    for (; vlot__replay_read_item(&reader, &last, &next); last = next) {
      if (!vlot__replay_is_mail(&next)) break;
      bool has_tick = next.kind != VLOT__MAIL_STORED && next.kind != VLOT__MAIL_WRITTEN &&
                      next.stamp != VLOT__STAMP_FIRE;
      if (has_tick && next.stamp > tick) tick = next.stamp;
    }
  }
  return tick;
}

bool vlot__replay_run_one(vlot_cluster *cluster, uint64_t limit) {
  vlot__replay *replay = cluster->replay;
  bool has_acted = false;
  if (limit != VLOT_NEVER && replay->place < replay->count &&
      tick_of(replay, replay->place) > limit)
    return false;
  while (replay->place < replay->count && !replay->status.has_diverged) {
    const vlot__replay_record *one = &replay->records[replay->place];
    vlot__seat *seat = vlot__seat_of(cluster, vlot__replay_node(one));
    bool is_action = !is_silent(one);
    if (is_action && has_acted) break;
    if (is_action) has_acted = true;
    if (is_action && vlot__replay_type(one) != VLOT__RECORD_TURN) cluster->action++;
    replay->subject = seat;
    if (fits(replay, one, seat)) run_record(replay, replay->place);
    replay->place++;
    if (replay->ends_here) {
      replay->count = replay->place;
      replay->status.actions_total = cluster->action;
    }
  }
  if (has_acted) vlot__requests_ended(cluster);
  return has_acted;
}
