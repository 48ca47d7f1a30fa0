/* The cluster object: open, close, status, waiting. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cluster/internal.h"

/* --- options --- */

void vlot_cluster_options_init(vlot_cluster_options *options) {
  *options = (vlot_cluster_options){
      .size = sizeof *options,
      .nodes = 3,
      .is_inline = 1,
      .seed = 1,
      .tick_ns = 10000000,
      .has_checker = 2,
      .stop_ns = 1000000000,
      .ring_events = 64,
      .turn_max = 8,
      .has_lints = 1,
  };
  vlot_raft_options_init(&options->raft);
  options->raft.apply_entries_max = 4096;
}

static const char *start_log_problem(const vlot_start *start) {
  if (start->log_count > 0 && !start->log) return "starts: the log is missing";
  for (size_t k = 0; k < start->log_count; k++) {
    const vlot_log_entry *entry = &start->log[k];
    uint64_t before = k > 0 ? start->log[k - 1].term : 1;
    if (entry->term < before) return "starts: the log's terms begin at 1 and must not go down";
    if (entry->entry.kind > VLOT_ENTRY_COMMAND) return "starts: unknown kind of entry";
    if (entry->entry.size > 0 && !entry->entry.data) return "starts: an entry's data is missing";
  }
  return NULL;
}

static const char *starts_problem(const vlot_cluster_options *options) {
  if (options->start_count > 0 && !options->starts) return "starts: missing";
  for (size_t k = 0; k < options->start_count; k++) {
    const vlot_start *start = &options->starts[k];
    const char *problem = start_log_problem(start);
    if (problem) return problem;
    if (start->term >= VLOT_INDEX_MAX) return "starts: term must be below 2^62";
    uint64_t last = start->log_count > 0 ? start->log[start->log_count - 1].term : 0;
    if (start->id == 0 || start->id > options->nodes) return "starts: id must be one of the nodes";
    if (start->vote > options->nodes) return "starts: vote must be one of the nodes, or 0";
    if (start->term < last) return "starts: term must not be below the log's last term";
    if (start->vote != 0 && start->term == 0) return "starts: there are no votes in term 0";
    for (size_t other = 0; other < k; other++)
      if (options->starts[other].id == start->id) return "starts: an id stands there twice";
  }
  return NULL;
}

static const char *find_cluster_problem(const vlot_cluster_options *options) {
  const vlot_machine *machine = options->machine;
  uint32_t ring = options->ring_events;
  if (options->size != sizeof *options) return "options: call vlot_cluster_options_init() first";
  if (options->nodes == 0 || options->nodes > VLOT_MEMBERS_MAX) return "nodes: 1 to 1024";
  if (options->learners >= options->nodes)
    return "learners: fewer than nodes, at least one node must vote";
  if (options->driver > VLOT_DRIVER_LOCKSTEP)
    return "driver: VLOT_DRIVER_THREADS or VLOT_DRIVER_LOCKSTEP";
  if (options->tick_ns < 100000 || options->tick_ns > 10000000000)
    return "tick_ns: 100 microseconds to 10 seconds";
  if (options->has_checker > 2) return "has_checker: 0 off, 1 on, 2 as the driver says";
  if (options->clock_waits > VLOT_CLOCK_WAITS_ALWAYS)
    return "clock_waits: one of VLOT_CLOCK_WAITS_*";
  if (ring < 16 || ring > 65536 || (ring & (ring - 1)))
    return "ring_events: a power of two, 16 to 65536";
  if (options->turn_max == 0 || options->turn_max > 64) return "turn_max: 1 to 64";
  if (options->stop_ns == 0) return "stop_ns: more than 0";
  if (options->spin_ns > 10000000) return "spin_ns: at most 10 ms";
  if (options->keeps_events > 1) return "keeps_events: 0 or 1";
  if (options->has_lints > 1) return "has_lints: 0 or 1";
  if (options->place > VLOT_PLACE_SPREAD) return "place: one of VLOT_PLACE_*";
  if (options->raft.size != sizeof options->raft)
    return "raft: call vlot_cluster_options_init() first";
  if (options->journal && !options->journal->write) return "journal: write is missing";
  if (options->journal && options->driver == VLOT_DRIVER_LOCKSTEP)
    return "journal: with threads only; in lockstep the seed and the calls are enough";
  if (options->journal && options->open_storage)
    return "journal: with disks in memory only; what another storage holds is not in the journal";
  if (machine && (machine->size != sizeof *machine || !machine->create || !machine->apply ||
                  !machine->destroy))
    return "machine: size, create, apply and destroy are needed";
  return starts_problem(options);
}

/* Periods, switches and limits are the core's to judge: try them on a core that is thrown away. */
static vlot_result try_core(const vlot_cluster_options *options, const char **problem) {
  vlot_raft_options raft = options->raft;
  vlot_member member = {.id = 1};
  vlot_raft *core;
  raft.allocator = options->allocator;
  raft.id = 1;
  raft.members = &member;
  raft.member_count = 1;
  vlot_result result = vlot_raft_open(&core, &raft, problem);
  vlot_raft_close(core);
  return result;
}

/* --- opening --- */

static uint64_t draw_disk_id(vlot__prng *prng) {
  uint64_t id = vlot__prng_next(prng);
  return id ? id : 1;
}

static const vlot_start *start_of(const vlot_cluster *cluster, uint32_t id) {
  for (size_t k = 0; k < cluster->options.start_count; k++)
    if (cluster->options.starts[k].id == id) return &cluster->options.starts[k];
  return NULL;
}

/* A disk in memory, formatted with where the member begins; or the user's storage, which keeps its
 * own disk id. */
static vlot_result open_storage(vlot__slot *slot) {
  vlot_cluster *cluster = slot->cluster;
  const vlot_start *start = start_of(cluster, slot->id);
  if (cluster->options.open_storage) {
    vlot_stored stored = {0};
    vlot_result result =
        cluster->options.open_storage(cluster->options.storage_context, slot->id, &slot->storage);
    if (result == VLOT_OK) result = slot->storage.load(slot->storage.context, &stored);
    if (stored.hard.disk_id) slot->disk_id = stored.hard.disk_id;
    return result;
  }
  slot->disk = vlot__disk_open(cluster->allocator, cluster->options.seed, slot->id);
  if (!slot->disk) return VLOT_NOMEM;
  slot->storage = vlot__disk_storage(slot->disk);
  vlot__disk_set_clock(slot->disk, &cluster->now);
  vlot_hard_state hard = {.disk_id = slot->disk_id};
  if (start) {
    hard.term = start->term;
    hard.vote = start->vote;
  }
  return vlot__disk_format(slot->disk, &hard, 0, 0, start ? start->log : NULL,
                           start ? start->log_count : 0);
}

static vlot_result open_slot(vlot__slot *slot) {
  vlot_cluster *cluster = slot->cluster;
  pthread_mutex_init(&slot->status_lock, NULL);
  atomic_init(&slot->clock_permille, 1000);
  atomic_init(&slot->clock_changed, 0);
  atomic_init(&slot->state, VLOT_NODE_DOWN);
  atomic_init(&slot->due, VLOT_NEVER);
  vlot__model_init(&slot->model, cluster->allocator, 0, 0);
  slot->events =
      vlot__alloc(cluster->allocator, cluster->options.ring_events, sizeof *slot->events);
  if (!slot->events) return VLOT_NOMEM;
  return open_storage(slot);
}

static void close_slot(vlot__slot *slot) {
  vlot_cluster *cluster = slot->cluster;
  if (!cluster) return;
  if (slot->storage.release) slot->storage.release(slot->storage.context);
  vlot__model_deinit(&slot->model);
  vlot__alloc_free(cluster->allocator, slot->events);
  if (slot->contacts)
    for (uint32_t k = 0; k < cluster->nodes; k++) vlot_actor_release(slot->contacts[k].actor);
  vlot__alloc_free(cluster->allocator, slot->contacts);
  vlot_actor_release(slot->actor);
  pthread_mutex_destroy(&slot->status_lock);
}

static vlot_result open_slots(vlot_cluster *cluster) {
  vlot__prng disks, nodes;
  vlot__prng_init(&disks, cluster->options.seed, UINT64_C(3) << 40);
  vlot__prng_init(&nodes, cluster->options.seed, UINT64_C(4) << 40);
  cluster->members = vlot__alloc_zero(cluster->allocator, cluster->nodes, sizeof *cluster->members);
  cluster->slots = vlot__alloc_zero(cluster->allocator, cluster->nodes, sizeof *cluster->slots);
  if (!cluster->members || !cluster->slots) return VLOT_NOMEM;
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__slot *slot = &cluster->slots[k];
    slot->id = k + 1;
    slot->seed = vlot__prng_next(&nodes);
    slot->disk_id = draw_disk_id(&disks);
    slot->cluster = cluster;
    vlot_result result = open_slot(slot);
    if (result != VLOT_OK) return result;
    cluster->members[k] =
        (vlot_member){.id = k + 1,
                      .is_learner = k >= cluster->nodes - cluster->options.learners,
                      .disk_id = slot->disk_id};
  }
  return VLOT_OK;
}

static vlot_result open_parts(vlot_cluster *cluster) {
  cluster->events =
      vlot__alloc(cluster->allocator, cluster->options.ring_events, sizeof *cluster->events);
  vlot_result result = open_slots(cluster);
  if (result != VLOT_OK) return result;
  if (!cluster->events || !vlot__observer_init(cluster) || !vlot__links_init(cluster) ||
      !vlot__lockstep_init(cluster))
    return VLOT_NOMEM;
  /* before any thread or journal: a replay's opening tells it too */
  vlot__emit_config(cluster, 0, cluster->members, cluster->nodes);
  if (cluster->options.driver == VLOT_DRIVER_LOCKSTEP && cluster->options.is_inline) return VLOT_OK;
  /* before any thread can have something for it */
  if (cluster->options.journal) result = vlot__journal_open(cluster);
  return result == VLOT_OK ? vlot__threads_open(cluster) : result;
}

static vlot_result start_nodes(vlot_cluster *cluster) {
  vlot_result result = VLOT_OK;
  for (uint32_t k = 0; k < cluster->nodes && result == VLOT_OK; k++)
    result = vlot__slot_start(&cluster->slots[k]);
  return result;
}

static void init_cluster_locks(vlot_cluster *cluster) {
  pthread_mutex_init(&cluster->stats_lock, NULL);
  pthread_mutex_init(&cluster->control_lock, NULL);
  pthread_cond_init(&cluster->control_free, NULL);
  pthread_mutex_init(&cluster->clients_lock, NULL);
  pthread_mutex_init(&cluster->change_lock, NULL);
  pthread_cond_init(&cluster->changed, NULL);
  pthread_mutex_init(&cluster->slots_lock, NULL);
}

static void free_cluster(vlot_cluster *cluster) {
  atomic_store(&cluster->mark, VLOT__MARK_CLOSED);
  if (cluster->slots)
    for (uint32_t k = 0; k < cluster->nodes; k++) {
      vlot__node *node = cluster->slots[k].node;
      if (node) vlot__node_close(node, VLOT_WHY_CLUSTER_CLOSED);
    }
  if (cluster->lockstep.newest) vlot__lockstep_deinit(cluster);
  if (cluster->slots)
    for (uint32_t k = 0; k < cluster->nodes; k++) close_slot(&cluster->slots[k]);
  if (cluster->links.is_faulty) vlot__links_deinit(cluster);
  if (cluster->observer.is_made) vlot__observer_deinit(cluster);
  vlot__replay_close(cluster);
  vlot__journal_close(cluster->journal);
  pthread_key_delete(cluster->in_turn);
  pthread_mutex_destroy(&cluster->stats_lock);
  pthread_mutex_destroy(&cluster->control_lock);
  pthread_cond_destroy(&cluster->control_free);
  pthread_mutex_destroy(&cluster->clients_lock);
  pthread_mutex_destroy(&cluster->change_lock);
  pthread_cond_destroy(&cluster->changed);
  pthread_mutex_destroy(&cluster->slots_lock);
  vlot__alloc_free(cluster->allocator, cluster->clients);
  vlot__alloc_free(cluster->allocator, cluster->events);
  vlot__alloc_free(cluster->allocator, cluster->members);
  vlot__alloc_free(cluster->allocator, cluster->slots);
  vlot__alloc_free(cluster->allocator, cluster);
}

/* With *out set there is something to be freed, whatever the result. */
static vlot_result make_cluster(vlot_cluster **out, const vlot_cluster_options *options,
                                vlot__replay *replay) {
  const vlot_allocator *allocator = vlot__alloc_or_default(options->allocator);
  vlot_cluster *cluster = vlot__alloc_zero(allocator, 1, sizeof *cluster);
  if (!cluster) return VLOT_NOMEM;
  if (pthread_key_create(&cluster->in_turn, NULL) != 0) {
    vlot__alloc_free(allocator, cluster);
    return VLOT_BUSY;
  }
  atomic_init(&cluster->mark, VLOT__MARK_OPEN);
  cluster->options = *options;
  cluster->allocator = allocator;
  cluster->nodes = options->nodes;
  cluster->machine = options->machine ? *options->machine : *vlot_kv_machine();
  cluster->is_lockstep = options->driver == VLOT_DRIVER_LOCKSTEP;
  cluster->lockstep.is_inline = options->is_inline != 0;
  atomic_init(&cluster->next_id, 1);
  cluster->replay = replay;
  cluster->has_tapes = replay || options->journal;
  cluster->has_slot_ids = replay || !cluster->is_lockstep;
  init_cluster_locks(cluster);
  *out = cluster;
  return open_parts(cluster);
}

static vlot_result check_cluster_options(const vlot_cluster_options *options,
                                         const char **problem) {
  *problem = find_cluster_problem(options);
  return *problem ? VLOT_INVALID : try_core(options, problem);
}

/* Of an opening that failed. */
static void take_back(vlot_cluster *cluster) {
  vlot__threads_close(cluster);
  (void)vlot__journal_finish(cluster);
  cluster->replay = NULL;
  free_cluster(cluster);
}

vlot_result vlot__cluster_make(vlot_cluster **out, const vlot_cluster_options *options,
                               vlot__replay *replay, const char **problem) {
  vlot_cluster *cluster = NULL;
  *out = NULL;
  vlot_result result = check_cluster_options(options, problem);
  if (result == VLOT_OK) result = make_cluster(&cluster, options, replay);
  if (result == VLOT_OK)
    *out = cluster;
  else if (cluster)
    take_back(cluster);
  return result;
}

vlot_result vlot_cluster_open(vlot_cluster **out, const vlot_cluster_options *options,
                              const char **problem) {
  const char *ignored;
  vlot_cluster_options defaults;
  if (!problem) problem = &ignored;
  *problem = NULL;
  *out = NULL;
  vlot_cluster_options_init(&defaults);
  if (!options) options = &defaults;
  vlot_cluster *cluster = NULL;
  vlot_result result = vlot__cluster_make(&cluster, options, NULL, problem);
  if (result == VLOT_INVALID && !*problem && options->place == VLOT_PLACE_CORE)
    *problem = "core: one that this process may run on";
  if (result != VLOT_OK) return result;
  vlot__lint_open(cluster);
  result = start_nodes(cluster);
  if (result != VLOT_OK) {
    take_back(cluster);
    return result;
  }
  *out = cluster;
  vlot__stop_opened(cluster);
  return result;
}

vlot_result vlot_cluster_close(vlot_cluster *cluster) {
  if (!cluster) return VLOT_OK;
  if (vlot__is_node_thread(cluster)) return VLOT_DEADLOCK;
  /* close clients first */
  for (uint32_t k = 0; k < cluster->client_count; k++) VLOT_ASSERT(!cluster->clients[k]);
  vlot__control_begin(cluster);
  cluster->is_closing = true;
  vlot_result result = VLOT_OK;
  for (uint32_t k = cluster->nodes; k > 0; k--) {
    vlot_result stopped = vlot__slot_stop(&cluster->slots[k - 1], VLOT_WHY_CLUSTER_CLOSED, false);
    if (stopped == VLOT_TIMEOUT) result = VLOT_TIMEOUT;
  }
  vlot_result stopped = vlot__threads_close(cluster);
  if (stopped == VLOT_TIMEOUT) result = VLOT_TIMEOUT;
  if (vlot__journal_finish(cluster) != VLOT_OK && result == VLOT_OK) result = VLOT_IO;
  bool is_violated = cluster->observer.has_violation;
  vlot__control_end(cluster);
  /* a quarantined thread still uses the cluster's memory: it is left alone, with all of it */
  if (result != VLOT_TIMEOUT) free_cluster(cluster);
  return result != VLOT_TIMEOUT && is_violated ? VLOT_VIOLATED : result;
}

/* --- who is calling --- */

bool vlot__is_node_thread(vlot_cluster *cluster) {
  if (cluster->options.driver == VLOT_DRIVER_LOCKSTEP && cluster->lockstep.is_inline)
    return cluster->is_in_turn;
  return pthread_getspecific(cluster->in_turn) != NULL;
}

/* Control calls wait for each other without a lock being held: they start threads and run user
 * code. */
void vlot__control_begin(vlot_cluster *cluster) {
  if (vlot__requests_hold_control(cluster)) return;
  pthread_mutex_lock(&cluster->control_lock);
  while (cluster->is_controlled) pthread_cond_wait(&cluster->control_free, &cluster->control_lock);
  cluster->is_controlled = true;
  pthread_mutex_unlock(&cluster->control_lock);
}

bool vlot__control_try(vlot_cluster *cluster) {
  pthread_mutex_lock(&cluster->control_lock);
  bool is_free = !cluster->is_controlled;
  if (is_free) cluster->is_controlled = true;
  pthread_mutex_unlock(&cluster->control_lock);
  return is_free;
}

vlot_result vlot__control_take(vlot_cluster *cluster) {
  if (vlot__is_node_thread(cluster)) return VLOT_DEADLOCK;
  vlot__control_begin(cluster);
  if (!cluster->is_lockstep || vlot__drives(cluster)) return VLOT_OK;
  vlot__control_end(cluster);
  return VLOT_BUSY;
}

void vlot__control_end(vlot_cluster *cluster) {
  if (vlot__requests_hold_control(cluster)) return;
  pthread_mutex_lock(&cluster->control_lock);
  while (vlot__owes_violation(cluster)) { /* asked for under the lock: the clock did not get it */
    pthread_mutex_unlock(&cluster->control_lock);
    vlot__emit_violation(cluster);
    pthread_mutex_lock(&cluster->control_lock);
  }
  cluster->is_controlled = false;
  pthread_mutex_unlock(&cluster->control_lock);
  pthread_cond_signal(&cluster->control_free);
}

void vlot__count_command(vlot_cluster *cluster) {
  if (vlot__drives(cluster) && !vlot__is_node_thread(cluster)) cluster->action++;
}

void vlot__log(vlot_cluster *cluster, const char *format, ...) {
  char line[256];
  va_list arguments;
  if (!cluster->options.log) return;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  cluster->options.log(cluster->options.log_context, line);
}

/* --- looking --- */

uint32_t vlot_cluster_nodes(const vlot_cluster *cluster) { return cluster->nodes; }

uint64_t vlot_cluster_now(vlot_cluster *cluster) { return vlot__now(cluster); }

static void fill_status(vlot__slot *slot, vlot_node_status *status) {
  vlot__node_get_status(slot->node, status);
  status->id = slot->id;
  status->incarnation = slot->incarnation;
  status->is_learner = slot->cluster->members[slot->id - 1].is_learner;
  status->disk_id = slot->disk_id;
  status->clock_permille = atomic_load(&slot->clock_permille);
}

void vlot__slot_publish(vlot__slot *slot) {
  pthread_mutex_lock(&slot->status_lock);
  fill_status(slot, &slot->status);
  slot->status_tick = vlot__now(slot->cluster);
  pthread_mutex_unlock(&slot->status_lock);
}

vlot_result vlot_cluster_get_status(vlot_cluster *cluster, uint32_t id, vlot_node_status *status) {
  vlot__slot *slot = vlot__slot_of(cluster, id);
  *status = (vlot_node_status){.id = id};
  if (!slot) return VLOT_NOT_FOUND;
  vlot_node_state state = atomic_load(&slot->state);
  if (vlot__drives(cluster) && slot->node) vlot__slot_publish(slot);
  pthread_mutex_lock(&slot->status_lock);
  *status = slot->status;
  status->age_ticks = vlot__now(cluster) - slot->status_tick;
  pthread_mutex_unlock(&slot->status_lock);
  status->id = id;
  status->state = state;
  status->is_learner = cluster->members[id - 1].is_learner;
  status->clock_permille = atomic_load(&slot->clock_permille);
  if (slot->disk) status->lost_writes = vlot__disk_lost(slot->disk);
  pthread_mutex_lock(&cluster->slots_lock);
  vlot_actor *actor = vlot_actor_retain(slot->actor);
  pthread_mutex_unlock(&cluster->slots_lock);
  if (actor && !vlot__drives(cluster)) {
    vlot_actor_status actor_status;
    vlot_actor_get_status(actor, &actor_status);
    status->mailbox = actor_status.queued;
  } else {
    status->mailbox = slot->parked_mail.count;
  }
  vlot_actor_release(actor);
  return VLOT_OK;
}

uint32_t vlot_cluster_leader(vlot_cluster *cluster) {
  uint32_t leader = 0;
  uint64_t term = 0;
  for (uint32_t id = 1; id <= cluster->nodes; id++) {
    vlot_node_status status;
    (void)vlot_cluster_get_status(cluster, id, &status);
    bool leads = status.state == VLOT_NODE_UP && status.raft.role == VLOT_ROLE_LEADER;
    if (!leads || status.raft.term <= term) continue;
    leader = id;
    term = status.raft.term;
  }
  return leader;
}

/* Hold the node's actor for a look inside; false: it is busy for longer than a stop may take. */
static bool hold(vlot_cluster *cluster, vlot__slot *slot, vlot_actor **actor) {
  pthread_mutex_lock(&cluster->slots_lock);
  *actor = cluster->is_lockstep ? NULL : vlot_actor_retain(slot->actor);
  pthread_mutex_unlock(&cluster->slots_lock);
  if (!*actor) return true;
  if (vlot_actor_hold(*actor, cluster->options.stop_ns) == VLOT_OK) return true;
  vlot_actor_release(*actor);
  return false;
}

static void unhold(vlot_actor *actor) {
  if (actor) vlot_actor_unhold(actor);
  vlot_actor_release(actor);
}

vlot_result vlot_cluster_hash(vlot_cluster *cluster, uint32_t id, uint64_t *hash,
                              uint64_t *applied) {
  vlot__slot *slot = vlot__slot_of(cluster, id);
  vlot_actor *actor;
  *hash = *applied = 0;
  if (!slot) return VLOT_NOT_FOUND;
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) return result;
  result = VLOT_TIMEOUT;
  if (!slot->node)
    result = VLOT_CLOSED;
  else if (hold(cluster, slot, &actor)) {
    result = vlot__node_hash(slot->node, hash, applied);
    unhold(actor);
  }
  vlot__control_end(cluster);
  return result;
}

void vlot_cluster_get_stats(vlot_cluster *cluster, vlot_cluster_stats *stats) {
  pthread_mutex_lock(&cluster->stats_lock);
  *stats = cluster->stats;
  if (cluster->leaders == 0)
    stats->leaderless_ticks += vlot__now(cluster) - cluster->leaderless_since;
  pthread_mutex_unlock(&cluster->stats_lock);
  for (uint32_t id = 1; id <= cluster->nodes; id++) {
    vlot_node_status status;
    (void)vlot_cluster_get_status(cluster, id, &status);
    if (status.raft.commit_index > stats->commits) stats->commits = status.raft.commit_index;
  }
  for (uint32_t k = 0; k <= cluster->nodes; k++) {
    const vlot__traffic *traffic =
        k < cluster->nodes ? &cluster->slots[k].traffic : &cluster->traffic;
    stats->sent += atomic_load_explicit(&traffic->sent, memory_order_relaxed);
    stats->delivered += atomic_load_explicit(&traffic->delivered, memory_order_relaxed);
    stats->dropped += atomic_load_explicit(&traffic->dropped, memory_order_relaxed);
  }
  stats->actions = cluster->action;
  stats->event_hash = cluster->observer.hash;
}

static size_t copy_ring(const vlot_cluster *cluster, const vlot_event *ring, uint64_t sequence,
                        vlot_event *events, size_t capacity) {
  uint64_t kept = sequence < cluster->options.ring_events ? sequence : cluster->options.ring_events;
  if (kept > capacity) kept = capacity;
  for (uint64_t k = 0; k < kept; k++)
    events[k] = ring[(sequence - kept + 1 + k) & (cluster->options.ring_events - 1)];
  return (size_t)kept;
}

size_t vlot_cluster_events(vlot_cluster *cluster, uint32_t id, vlot_event *events,
                           size_t capacity) {
  vlot__slot *slot = vlot__slot_of(cluster, id);
  vlot_actor *actor = NULL;
  size_t count = 0;
  if ((id != 0 && !slot) || vlot__control_take(cluster) != VLOT_OK) return 0;
  if (id == 0) {
    count = copy_ring(cluster, cluster->events, cluster->sequence, events, capacity);
  } else if (hold(cluster, slot, &actor)) {
    count = copy_ring(cluster, slot->events, slot->sequence, events, capacity);
    unhold(actor);
  }
  vlot__control_end(cluster);
  return count;
}

/* --- waiting --- */

void vlot__notify_changed(vlot_cluster *cluster) {
  if (atomic_load_explicit(&cluster->waiters, memory_order_seq_cst) == 0) return;
  pthread_mutex_lock(&cluster->change_lock);
  cluster->changes++;
  pthread_mutex_unlock(&cluster->change_lock);
  pthread_cond_broadcast(&cluster->changed);
}

static uint64_t changes_so_far(vlot_cluster *cluster) {
  pthread_mutex_lock(&cluster->change_lock);
  uint64_t changes = cluster->changes;
  pthread_mutex_unlock(&cluster->change_lock);
  return changes;
}

static void wait_for_change(vlot_cluster *cluster, uint64_t seen, uint64_t deadline) {
  vlot__threads_wake_clock(cluster, deadline);
  pthread_mutex_lock(&cluster->change_lock);
  while (cluster->changes == seen && vlot__now(cluster) < deadline)
    pthread_cond_wait(&cluster->changed, &cluster->change_lock);
  pthread_mutex_unlock(&cluster->change_lock);
}

/* Who waits says so before it looks, and the deadline is the clock's to announce: it wakes
 * every waiter at each tick it takes. */
static vlot_result await_with_threads(vlot_cluster *cluster,
                                      bool (*is_reached)(vlot_cluster *cluster, void *context),
                                      void *context, uint64_t deadline) {
  vlot_result result = VLOT_PENDING;
  atomic_fetch_add(&cluster->waiters, 1);
  while (result == VLOT_PENDING) {
    uint64_t seen = changes_so_far(cluster);
    if (is_reached(cluster, context))
      result = VLOT_OK;
    else if (vlot__now(cluster) >= deadline)
      result = VLOT_TIMEOUT;
    else
      wait_for_change(cluster, seen, deadline);
  }
  atomic_fetch_sub(&cluster->waiters, 1);
  return result;
}

vlot_result vlot__await(vlot_cluster *cluster,
                        bool (*is_reached)(vlot_cluster *cluster, void *context), void *context,
                        uint64_t timeout_ticks) {
  uint64_t now = vlot__now(cluster);
  uint64_t deadline = timeout_ticks < VLOT_NEVER - 1 - now ? now + timeout_ticks : VLOT_NEVER - 1;
  if (vlot__is_node_thread(cluster)) return VLOT_DEADLOCK;
  if (!vlot__drives(cluster)) return await_with_threads(cluster, is_reached, context, deadline);
  for (;;) {
    if (is_reached(cluster, context)) return VLOT_OK;
    if (vlot__now(cluster) >= deadline) return VLOT_TIMEOUT;
    vlot__lockstep_run_one(cluster, deadline);
  }
}

/* A leader whose quorum says so too. */
static bool has_leader(vlot_cluster *cluster, void *context) {
  uint32_t *id = context;
  vlot_node_status leader, status;
  *id = vlot_cluster_leader(cluster);
  if (*id == 0) return false;
  uint32_t voters = cluster->nodes - cluster->options.learners, followers = 0;
  (void)vlot_cluster_get_status(cluster, *id, &leader);
  for (uint32_t k = 1; k <= voters; k++) {
    (void)vlot_cluster_get_status(cluster, k, &status);
    if (status.state == VLOT_NODE_UP && status.raft.leader == *id &&
        status.raft.term == leader.raft.term)
      followers++;
  }
  return followers > voters / 2;
}

vlot_result vlot_await_leader(vlot_cluster *cluster, uint64_t timeout_ticks, uint32_t *id) {
  uint32_t leader = 0;
  vlot_result result = vlot__await(cluster, has_leader, &leader, timeout_ticks);
  if (id) *id = result == VLOT_OK ? leader : 0;
  return result;
}

typedef struct goal {
  uint32_t id;
  uint64_t index;
  vlot_role role;
} goal;

static bool has_applied(vlot_cluster *cluster, void *context) {
  const goal *wanted = context;
  for (uint32_t k = 1; k <= cluster->nodes; k++) {
    vlot_node_status status;
    (void)vlot_cluster_get_status(cluster, k, &status);
    bool is_asked = wanted->id ? wanted->id == k : status.state == VLOT_NODE_UP;
    if (is_asked && status.applied_index < wanted->index) return false;
  }
  return true;
}

vlot_result vlot_await_applied(vlot_cluster *cluster, uint32_t id, uint64_t index,
                               uint64_t timeout_ticks) {
  goal wanted = {.id = id, .index = index};
  if (id > cluster->nodes) return VLOT_NOT_FOUND;
  return vlot__await(cluster, has_applied, &wanted, timeout_ticks);
}

static bool has_role(vlot_cluster *cluster, void *context) {
  const goal *wanted = context;
  vlot_node_status status;
  (void)vlot_cluster_get_status(cluster, wanted->id, &status);
  return status.state == VLOT_NODE_UP && status.raft.role == wanted->role;
}

vlot_result vlot_await_role(vlot_cluster *cluster, uint32_t id, vlot_role role,
                            uint64_t timeout_ticks) {
  goal wanted = {.id = id, .role = role};
  if (!vlot__slot_of(cluster, id)) return VLOT_NOT_FOUND;
  return vlot__await(cluster, has_role, &wanted, timeout_ticks);
}

/* Nodes that are up have all applied the same, and as much as any of them knows to be committed,
 * and nobody waits. */
static bool is_quiet(vlot_cluster *cluster, void *context) {
  uint64_t commit = 0, applied = UINT64_MAX;
  (void)context;
  for (uint32_t k = 1; k <= cluster->nodes; k++) {
    vlot_node_status status;
    (void)vlot_cluster_get_status(cluster, k, &status);
    if (status.state != VLOT_NODE_UP) continue;
    if (status.mailbox > 0 || status.waiting > 0 || status.raft.held_messages > 0) return false;
    if (status.raft.durable_index < status.raft.last_index) return false;
    if (status.raft.commit_index > commit) commit = status.raft.commit_index;
    if (status.applied_index < applied) applied = status.applied_index;
  }
  return (applied == UINT64_MAX || applied >= commit) &&
         !(vlot__drives(cluster) && vlot__lockstep_has_traffic(cluster));
}

vlot_result vlot_await_quiet(vlot_cluster *cluster, uint64_t timeout_ticks) {
  return vlot__await(cluster, is_quiet, NULL, timeout_ticks);
}
