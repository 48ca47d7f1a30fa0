/* Events: every seat keeps a ring of its last ones, always. Checker, hash and subscriptions see all
 * of them, when on. */
#include "cluster/observe.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/hook.h"
#include "base/lock.h"
#include "cluster/door.h"
#include "cluster/driver.h"
#include "cluster/event_inside.h"
#include "cluster/recorder.h"
#include "vlot/raft_snapshot.h"

enum { CORE_LAWS = 19 }; /* I-19 */

/* --- the observer --- */

bool vlot__observer_init(vlot_cluster *cluster, bool is_shared, bool has_hash) {
  vlot__observer *observer = &cluster->observer;
  observer->is_shared = is_shared;
  observer->has_hash = has_hash;
  uint32_t wanted = cluster->options.has_checker;
  pthread_mutex_init(&observer->lock, NULL);
  observer->is_made = true;
  if (wanted == 1 || wanted == 3 || (wanted == 2 && has_hash)) {
    observer->checker = vlot__checker_open(cluster->allocator, cluster->options.observed_entries);
    if (!observer->checker) return false;
  }
  vlot__observer_changed(cluster);
  return !cluster->options.keeps_events ||
         vlot_subscription_open(&observer->early, cluster, 0) == VLOT_OK;
}

void vlot__observer_deinit(vlot_cluster *cluster) {
  vlot__observer *observer = &cluster->observer;
  vlot_subscription_close(observer->early);
  vlot__lock(&observer->lock);
  vlot__checker *checker = observer->checker;
  observer->checker = NULL;
  observer->subscriptions = NULL; /* shells: their owners go on reading what they have */
  vlot__observer_changed(cluster);
  vlot__unlock(&observer->lock);
  vlot__checker_close(checker);
}

/* An event is hashed on its own, and then joins the hash of all: only that last step has to wait
 * for the event before. */
static inline void hash_event(vlot__observer *observer, const vlot_event *event) {
  uint64_t sum = vlot__event_sum(event);
  uint64_t hash = (observer->hash ^ sum ^ (sum >> 32)) * 0x9e3779b97f4a7c15u;
  observer->hash = hash ^ (hash >> 32);
}

/* cause: the event that broke it, at lamport. Out of the way of the feed, which runs for each. */
__attribute__((cold, noinline)) static void report_violation(vlot_cluster *cluster,
                                                             const vlot__violation *violation,
                                                             uint64_t cause, uint64_t lamport) {
  vlot__observer *observer = &cluster->observer;
  bool is_replica = violation->invariant == VLOT_REPLICA_HASH;
  if (!observer->has_violation) {
    snprintf(observer->violation, sizeof observer->violation, "%s%u: %s", is_replica ? "R-" : "I-",
             is_replica ? 1 : violation->invariant, violation->text);
    observer->violation_number = violation->invariant;
    observer->violation_node = violation->node;
    observer->violation_cause = cause;
    observer->violation_lamport = lamport;
    atomic_store_explicit(&observer->owes_violation, true, memory_order_release);
  }
  observer->has_violation = true;
  VLOT_HOOK(violation, (violation->node, observer->violation));
}

/* The feed: in lockstep by the only thread that runs, with threads in the order of the lock, which
 * agrees with causality: an event is recorded before what it causes can reach anybody.
 */
static inline void observe(vlot_cluster *cluster, const vlot__seat *seat, const vlot_event *event) {
  vlot__observer *observer = &cluster->observer;
  const vlot__violation *violation = NULL;
  if (observer->is_shared) vlot__lock(&observer->lock);
  if (observer->has_hash) hash_event(observer, event);
  if (observer->checker)
    violation = vlot__checker_feed(observer->checker, event, seat ? &seat->model : NULL);
  if (violation)
    report_violation(cluster, violation, vlot_event_id(event->node, event->sequence),
                     event->lamport);
  if (observer->subscriptions) vlot__subscriptions_push(cluster, event);
  if (observer->is_shared) vlot__unlock(&observer->lock);
  if (observer->has_listeners) vlot__teller_news(cluster);
}

void vlot__observe_core(vlot__seat *seat, const vlot_raft *raft, vlot_raft_seen *seen) {
  vlot_cluster *cluster = seat->cluster;
  vlot__observer *observer = &cluster->observer;
  const char *broken = cluster->options.has_checker == 3 ? vlot_raft_check(raft, seen) : NULL;
  if (!broken) return;
  vlot_raft_status status;
  vlot__violation violation = {.invariant = CORE_LAWS, .node = seat->id, .action = cluster->action};
  vlot_raft_get_status(raft, &status);
  snprintf(violation.text, sizeof violation.text,
           "n%u, %s in term %llu: %s (applied %llu, commit %llu, durable %llu, last %llu)",
           seat->id, vlot_role_name(status.role), (unsigned long long)status.term, broken,
           (unsigned long long)status.applied_index, (unsigned long long)status.commit_index,
           (unsigned long long)status.durable_index, (unsigned long long)status.last_index);
  if (observer->is_shared) vlot__lock(&observer->lock);
  report_violation(cluster, &violation, seat->cause, seat->lamport);
  if (observer->is_shared) vlot__unlock(&observer->lock);
  if (vlot__owes_violation(cluster)) vlot__driver_of(cluster)->violated(cluster);
}

bool vlot_cluster_violation(vlot_cluster *cluster, char *text, size_t capacity) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT(cluster, false);
  vlot__observer *observer = &cluster->observer;
  vlot__lock(&observer->lock);
  bool has_one = observer->has_violation;
  if (has_one && capacity > 0) snprintf(text, capacity, "%s", observer->violation);
  vlot__unlock(&observer->lock);
  return has_one;
}

/* --- counting what statistics need --- */

static void count_leader(vlot_cluster *cluster, bool is_leader) {
  vlot__lock(&cluster->stats_lock);
  uint64_t now = vlot__now(cluster);
  if (is_leader) {
    if (cluster->leaders++ == 0) cluster->stats.leaderless_ticks += now - cluster->leaderless_since;
    cluster->stats.elections++;
  } else if (--cluster->leaders == 0) {
    cluster->leaderless_since = now;
  }
  vlot__unlock(&cluster->stats_lock);
}

static void count_stat(vlot_cluster *cluster, uint64_t *counter) {
  vlot__lock(&cluster->stats_lock);
  ++*counter;
  vlot__unlock(&cluster->stats_lock);
}

static void count(vlot_cluster *cluster, vlot__seat *seat, const vlot_event *event) {
  switch (event->kind) {
  case VLOT_EVENT_LEADER:
    count_leader(cluster, true);
    atomic_store(&cluster->leader_hint, seat->id);
    break;
  case VLOT_EVENT_STEP_DOWN: count_leader(cluster, false); break;
  case VLOT_EVENT_CAMPAIGN: count_stat(cluster, &cluster->stats.campaigns); break;
  case VLOT_EVENT_KILL:
    count_stat(cluster, &cluster->stats.kills);
    if (event->as.change.to) count_leader(cluster, false); /* it was leading */
    break;
  case VLOT_EVENT_RESTART: /* else its disk was lost before this cluster was opened */
    if (event->why == VLOT_WHY_RESTARTED) count_stat(cluster, &cluster->stats.restarts);
    break;
  default: break;
  }
}

/* --- emitting --- */

/* What the core does not call itself (raft/output.c). */
static inline void call_event_hook(const vlot_event *event) {
  switch (event->kind) {
  case VLOT_EVENT_STEP: VLOT_HOOK(step, (event->node, event->action)); return;
  case VLOT_EVENT_SENT:
    VLOT_HOOK(send, (event->node, event->peer, event->as.message.kind, event->message));
    return;
  case VLOT_EVENT_RECEIVED:
    VLOT_HOOK(deliver, (event->node, event->peer, event->as.message.kind, event->message));
    return;
  case VLOT_EVENT_DROPPED:
    VLOT_HOOK(drop, (event->node, event->peer, event->message, (vlot_why)event->why));
    return;
  case VLOT_EVENT_APPLY:
    VLOT_HOOK(apply, (event->node, event->as.slice.first, event->as.slice.count));
    return;
  case VLOT_EVENT_FAULT: VLOT_HOOK(fault, (event->node, event->peer, (vlot_why)event->why)); return;
  case VLOT_EVENT_START: VLOT_HOOK(spawn, (event->node, event->incarnation)); return;
  case VLOT_EVENT_KILL: VLOT_HOOK(kill, (event->node, (vlot_why)event->why)); return;
  default: return;
  }
}

/* A rare event is copied; those that are messages are vlot__emit_message()'s to keep: nobody else
 * need look. */
static void keep_rare(vlot_cluster *cluster, vlot__seat *seat, const vlot_event *event) {
  vlot__rare *rare = seat ? &seat->rare : &cluster->rare;
  rare->events[rare->count++ % VLOT_RARE_EVENTS] = *event;
}

uint64_t vlot__emit(vlot_cluster *cluster, vlot__seat *seat, vlot_event *event) {
  uint64_t *sequence = seat ? &seat->sequence : &cluster->sequence;
  event->sequence = ++*sequence;
  event->lamport = seat ? ++seat->lamport : ++cluster->lamport;
  event->action = cluster->action;
  event->tick = vlot__now(cluster);
  event->node = seat ? seat->id : 0;
  event->incarnation = seat ? seat->incarnation : 0;
  if (seat && event->cause == 0) event->cause = seat->cause;
  if (VLOT__EVENTS_RARE >> event->kind & 1) {
    count(cluster, seat, event);
    keep_rare(cluster, seat, event);
  }
  if (atomic_load_explicit(&cluster->observer.is_on, memory_order_relaxed))
    observe(cluster, seat, event);
  if (cluster->log_lines) vlot__log_event(cluster, event);
  VLOT__RECORD(cluster, event, cluster, seat, event);
  call_event_hook(event);
  uint64_t id = vlot_event_id(event->node, event->sequence);
  if (vlot__owes_violation(cluster)) vlot__driver_of(cluster)->violated(cluster);
  return id;
}

/* It emits on its own behalf, and the checker looks at no such event. */
void vlot__emit_violation(vlot_cluster *cluster) {
  vlot__observer *observer = &cluster->observer;
  if (!atomic_exchange(&observer->owes_violation, false)) return;
  vlot_event *event = vlot__event_begin(cluster, NULL, VLOT_EVENT_VIOLATION, VLOT_WHY_NONE,
                                        observer->violation_node);
  event->cause = observer->violation_cause;
  if (cluster->lamport < observer->violation_lamport)
    cluster->lamport = observer->violation_lamport;
  event->as.change.from = observer->violation_number;
  vlot__emit(cluster, NULL, event);
}

void vlot__emit_dropped(vlot_cluster *cluster, vlot__seat *seat, vlot_why why, uint32_t to,
                        uint32_t kind, const void *payload) {
  const vlot__mail_head *head = payload;
  uint64_t *lamport = seat ? &seat->lamport : &cluster->lamport;
  if (*lamport < head->lamport) *lamport = head->lamport;
  if (kind == VLOT__MAIL_MESSAGE) {
    vlot__emit_message(cluster, seat, VLOT_EVENT_DROPPED, why, head,
                       &((const vlot__mail_message *)payload)->message);
    return;
  }
  vlot_event *event = vlot__event_begin(cluster, seat, VLOT_EVENT_DROPPED, why, to);
  vlot__mail_about about = vlot__mail_tell(kind, payload);
  event->message = head->id;
  event->cause = head->cause;
  event->as.message.flags = about.told.kind;
  event->as.message.from = about.from;
  event->as.message.term = about.term;
  event->as.message.entries = (uint32_t)about.told.count;
  event->as.message.commit = about.told.reads;
  event->as.message.log_term = about.told.client;
  event->as.message.index = about.told.sequence;
  event->as.message.request_id = about.told.has_others;
  vlot__emit(cluster, seat, event);
}

void vlot__emit_copied(vlot_cluster *cluster, uint32_t kind, void *payload) {
  vlot__mail_head *head = payload;
  if (kind != VLOT__MAIL_MESSAGE) return;
  if (cluster->lamport < head->lamport) cluster->lamport = head->lamport;
  head->cause = vlot__emit_message(cluster, NULL, VLOT_EVENT_SENT, VLOT_WHY_COPIED, head,
                                   &((vlot__mail_message *)payload)->message);
  head->lamport = cluster->lamport;
}

static void count_message(vlot__traffic *traffic, vlot_event_kind kind) {
  _Atomic uint64_t *counter = kind == VLOT_EVENT_SENT       ? &traffic->sent
                              : kind == VLOT_EVENT_RECEIVED ? &traffic->delivered
                                                            : &traffic->dropped;
  atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                        memory_order_relaxed);
}

uint64_t vlot__emit_message(vlot_cluster *cluster, vlot__seat *seat, vlot_event_kind kind,
                            vlot_why why, const vlot__mail_head *head,
                            const vlot_message *message) {
  uint32_t peer = kind == VLOT_EVENT_RECEIVED ? message->from : message->to;
  vlot_event *event = vlot__event_begin(cluster, seat, kind, why, peer);
  event->message = head->id;
  event->cause = head->cause;
  count_message(seat ? &seat->traffic : &cluster->traffic, kind);
  if (why == VLOT_WHY_NONE) event->why = (uint16_t)message->why;
  event->as.message.kind = message->kind;
  event->as.message.flags = message->flags;
  event->as.message.term = message->term;
  event->as.message.request_id = message->request_id;
  event->as.message.from = message->from;
  switch (vlot_message_body_of(message->kind)) {
  case VLOT_BODY_VOTE:
    event->as.message.index = message->as.vote.last_index;
    event->as.message.log_term = message->as.vote.last_term;
    break;
  case VLOT_BODY_APPEND:
    event->as.message.index = message->as.append.prev_index;
    event->as.message.log_term = message->as.append.prev_term;
    event->as.message.commit = message->as.append.commit;
    event->as.message.entries = message->as.append.entry_count;
    break;
  case VLOT_BODY_APPEND_REPLY: {
    bool is_ok = (message->flags & VLOT_MESSAGE_OK) != 0;
    event->as.message.index = is_ok ? message->as.reply.match_index : message->as.reply.hint_index;
    event->as.message.log_term = is_ok ? 0 : message->as.reply.hint_term;
    event->as.message.commit = message->as.reply.prev_index;
    break;
  }
  case VLOT_BODY_INSTALL:
    event->as.message.index = vlot_snapshot_get(message->as.install.snapshot)->index;
    event->as.message.log_term = vlot_snapshot_get(message->as.install.snapshot)->term;
    event->as.message.commit = message->as.install.offset;
    event->as.message.entries = message->as.install.length;
    break;
  case VLOT_BODY_INSTALL_REPLY:
    event->as.message.index = message->as.installed.index;
    event->as.message.commit = message->as.installed.offset;
    break;
  case VLOT_BODY_UNKNOWN:
  case VLOT_BODY_TIMEOUT_NOW:
  case VLOT_BODY_VOTE_REPLY: break;
  }
  uint64_t emitted = vlot__emit(cluster, seat, event);
  if (vlot__event_is_vote(event)) keep_rare(cluster, seat, event);
  return emitted;
}

uint64_t vlot__emit_change(vlot_cluster *cluster, vlot__seat *seat, vlot_event_kind kind,
                           vlot_why why, uint32_t peer, uint64_t from, uint64_t to, uint64_t term) {
  vlot_event *event = vlot__event_begin(cluster, seat, kind, why, peer);
  event->as.change.from = from;
  event->as.change.to = to;
  event->as.change.term = term;
  return vlot__emit(cluster, seat, event);
}

static void emit_member(vlot_cluster *cluster, vlot__seat *seat, const vlot_member *member,
                        uint64_t index, uint32_t place, uint32_t count, uint32_t roles) {
  vlot_event *event =
      vlot__event_begin(cluster, seat, VLOT_EVENT_CONFIG, VLOT_WHY_NONE, member->id);
  event->as.config.index = index;
  event->as.config.disk_id = member->disk_id;
  event->as.config.place = place;
  event->as.config.count = count;
  event->as.config.roles = roles;
  vlot__emit(cluster, seat, event);
}

static uint32_t role_of(const vlot_member *member) {
  return member->is_learner ? VLOT_CONFIG_LEARNER : VLOT_CONFIG_VOTER;
}

void vlot__emit_config(vlot_cluster *cluster, uint64_t index, const vlot_member *members,
                       uint32_t count) {
  for (uint32_t k = 0; k < count; k++)
    emit_member(cluster, NULL, &members[k], index, k, count, role_of(&members[k]));
}

/* One by its id and disk; a replaced disk is another one. */
static const vlot_member *find_row(const vlot_member *members, uint32_t count,
                                   const vlot_member *like) {
  for (uint32_t k = 0; k < count; k++)
    if (members[k].id == like->id && members[k].disk_id == like->disk_id) return &members[k];
  return NULL;
}

uint32_t vlot__configuration_rows(const vlot_configuration *configuration) {
  uint32_t count, old_count;
  if (!configuration) return 0;
  const vlot_member *members = vlot_configuration_members(configuration, &count);
  const vlot_member *old = vlot_configuration_old(configuration, &old_count);
  uint32_t rows = count;
  for (uint32_t k = 0; k < old_count; k++) rows += !find_row(members, count, &old[k]);
  return rows;
}

/* A learner of the old half counts for nothing in it, and is told only where it is nothing else. */
void vlot__emit_configuration(vlot_cluster *cluster, vlot__seat *seat, uint64_t index,
                              const vlot_configuration *configuration) {
  uint32_t count, old_count, rows = vlot__configuration_rows(configuration), place = 0;
  if (rows == 0) return;
  const vlot_member *members = vlot_configuration_members(configuration, &count);
  const vlot_member *old = vlot_configuration_old(configuration, &old_count);
  for (uint32_t k = 0; k < count; k++) {
    const vlot_member *was = find_row(old, old_count, &members[k]);
    uint32_t roles = role_of(&members[k]) | (was && !was->is_learner ? VLOT_CONFIG_OLD_VOTER : 0);
    emit_member(cluster, seat, &members[k], index, place++, rows, roles);
  }
  for (uint32_t k = 0; k < old_count; k++)
    if (!find_row(members, count, &old[k]))
      emit_member(cluster, seat, &old[k], index, place++, rows,
                  old[k].is_learner ? VLOT_CONFIG_LEARNER : VLOT_CONFIG_OLD_VOTER);
}

/* Models are read by the checker in the feeds of other nodes: where those are on other threads,
 * they change under its lock. */
static void lock_models(vlot_cluster *cluster) {
  if (cluster->observer.is_shared) vlot__lock(&cluster->observer.lock);
}

static void unlock_models(vlot_cluster *cluster) {
  if (cluster->observer.is_shared) vlot__unlock(&cluster->observer.lock);
}

/* Does the log hold the snapshot's last entry? If not it is dropped. */
static bool holds(const vlot_stored *stored, const vlot_snapshot_head *head) {
  if (head->index == stored->base_index) return head->term == stored->base_term;
  for (size_t k = 0; k < stored->slice_count; k++) {
    const vlot_slice *slice = &stored->slices[k];
    if (head->index >= slice->index && head->index - slice->index < slice->count)
      return slice->term == head->term;
  }
  return false;
}

/* What the log has above an index. */
static void append_above(vlot__model *model, const vlot_stored *stored, uint64_t index) {
  for (size_t k = 0; k < stored->slice_count; k++) {
    vlot_slice slice = stored->slices[k];
    uint64_t last = slice.index + slice.count - 1;
    if (last <= index) continue;
    if (slice.index <= index) {
      uint32_t below = (uint32_t)(index - slice.index + 1);
      slice.index += below;
      slice.first += below;
      slice.count -= below;
    }
    vlot__model_append(model, &slice);
  }
}

/* Where a snapshot brings its chain, the model begins there. */
static void recover_model(vlot__model *model, const vlot_stored *stored) {
  const vlot_snapshot_head *head = stored->snapshot ? vlot_snapshot_get(stored->snapshot) : NULL;
  bool is_held = head && holds(stored, head);
  if (head && (!is_held || head->chain != 0)) {
    vlot__model_restart(model, head->index, head->term, head->chain);
    if (is_held) append_above(model, stored, head->index);
  } else {
    vlot__model_reset(model, stored->base_index, stored->base_term);
    append_above(model, stored, stored->base_index);
  }
}

void vlot__observe_recovered(vlot__seat *seat, const vlot_stored *stored) {
  vlot_cluster *cluster = seat->cluster;
  lock_models(cluster);
  if (!atomic_load(&cluster->observer.has_models)) {
    /* it begins where nobody looked: chains stay unknown */
    vlot__model_reset(&seat->model, stored->base_index, stored->base_term);
    seat->model.is_lost = stored->slice_count > 0;
  } else {
    recover_model(&seat->model, stored);
  }
  unlock_models(cluster);
}

void vlot__observe_write(vlot__seat *seat, const vlot_write *write, uint64_t applied) {
  vlot_cluster *cluster = seat->cluster;
  if (write->slice_count == 0 && write->truncate_from == 0 && !write->snapshot) return;
  if (!atomic_load_explicit(&cluster->observer.has_models, memory_order_relaxed)) {
    seat->model.is_lost = true; /* whoever looks later does not know these */
    return;
  }
  lock_models(cluster);
  if (write->snapshot) {
    const vlot_snapshot_head *head = vlot_snapshot_get(write->snapshot);
    vlot__model_restart(&seat->model, head->index, head->term, head->chain);
  }
  if (write->truncate_from) vlot__model_truncate(&seat->model, write->truncate_from);
  for (uint32_t k = 0; k < write->slice_count; k++)
    vlot__model_append(&seat->model, &write->slices[k]);
  vlot__model_forget(&seat->model, applied, cluster->options.observed_entries);
  unlock_models(cluster);
}
