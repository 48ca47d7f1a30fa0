/* The cluster object: opening and closing. */
#include "cluster/open.h"

#include "cluster/control.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/lints.h"
#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "cluster/pending.h"
#include "cluster/recorder.h"
#include "cluster/request.h"
#include "cluster/stop.h"

/* --- its parts --- */

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
static vlot_result open_storage(vlot__seat *seat) {
  vlot_cluster *cluster = seat->cluster;
  const vlot_start *start = start_of(cluster, seat->id);
  if (cluster->options.open_storage) {
    vlot_stored stored = {0};
    vlot_result result =
        cluster->options.open_storage(cluster->options.storage_context, seat->id, &seat->storage);
    if (result == VLOT_OK) result = seat->storage.load(seat->storage.context, &stored);
    if (stored.hard.disk_id) seat->disk_id = stored.hard.disk_id;
    return result;
  }
  seat->disk = vlot__disk_open(cluster->allocator, cluster->options.seed, seat->id);
  if (!seat->disk) return VLOT_NOMEM;
  seat->storage = vlot__disk_storage(seat->disk);
  vlot__disk_set_clock(seat->disk, &cluster->now);
  vlot_hard_state hard = {.disk_id = seat->disk_id};
  if (start) {
    hard.term = start->term;
    hard.vote = start->vote;
  }
  return vlot__disk_format(seat->disk, &hard, 0, 0, start ? start->log : NULL,
                           start ? start->log_count : 0);
}

static vlot_result open_seat(vlot__seat *seat) {
  vlot_cluster *cluster = seat->cluster;
  pthread_mutex_init(&seat->status_lock, NULL);
  atomic_init(&seat->clock_permille, 1000);
  atomic_init(&seat->clock_changed, 0);
  atomic_init(&seat->state, VLOT_NODE_DOWN);
  atomic_init(&seat->due, VLOT_NEVER);
  vlot__model_init(&seat->model, cluster->allocator, 0, 0);
  seat->events =
      vlot__alloc(cluster->allocator, cluster->options.ring_events, sizeof *seat->events);
  if (!seat->events) return VLOT_NOMEM;
  return open_storage(seat);
}

static void close_seat(vlot__seat *seat) {
  vlot_cluster *cluster = seat->cluster;
  if (!cluster) return;
  if (seat->storage.release) seat->storage.release(seat->storage.context);
  vlot__model_deinit(&seat->model);
  vlot__alloc_free(cluster->allocator, seat->events);
  if (seat->contacts)
    for (uint32_t k = 0; k < cluster->nodes; k++) vlot_actor_release(seat->contacts[k].actor);
  vlot__alloc_free(cluster->allocator, seat->contacts);
  vlot_actor_release(seat->actor);
  pthread_mutex_destroy(&seat->status_lock);
}

static vlot_result open_seats(vlot_cluster *cluster) {
  vlot__prng disks, nodes;
  vlot__prng_init(&disks, cluster->options.seed, UINT64_C(3) << 40);
  vlot__prng_init(&nodes, cluster->options.seed, UINT64_C(4) << 40);
  cluster->members = vlot__alloc_zero(cluster->allocator, cluster->nodes, sizeof *cluster->members);
  cluster->seats = vlot__alloc_zero(cluster->allocator, cluster->nodes, sizeof *cluster->seats);
  if (!cluster->members || !cluster->seats) return VLOT_NOMEM;
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__seat *seat = &cluster->seats[k];
    seat->id = k + 1;
    seat->seed = vlot__prng_next(&nodes);
    seat->disk_id = draw_disk_id(&disks);
    seat->cluster = cluster;
    vlot_result result = open_seat(seat);
    if (result != VLOT_OK) return result;
    cluster->members[k] =
        (vlot_member){.id = k + 1,
                      .is_learner = k >= cluster->nodes - cluster->options.learners,
                      .disk_id = seat->disk_id};
  }
  return VLOT_OK;
}

static vlot_result open_parts(vlot_cluster *cluster) {
  cluster->events =
      vlot__alloc(cluster->allocator, cluster->options.ring_events, sizeof *cluster->events);
  vlot_result result = open_seats(cluster);
  if (result != VLOT_OK) return result;
  bool is_stepped = vlot__driver_of(cluster)->is_stepped;
  if (!cluster->events || !vlot__observer_init(cluster, !is_stepped, is_stepped) ||
      !vlot__links_init(cluster) || !vlot__pending_init(cluster))
    return VLOT_NOMEM;
  /* before any thread or journal: a replay's opening tells it too */
  vlot__emit_config(cluster, 0, cluster->members, cluster->nodes);
  /* before any thread can have something for it */
  if (cluster->options.journal) result = vlot__record_open(cluster);
  return result == VLOT_OK ? vlot__driver_of(cluster)->open(cluster) : result;
}

static vlot_result start_nodes(vlot_cluster *cluster) {
  vlot_result result = VLOT_OK;
  for (uint32_t k = 0; k < cluster->nodes && result == VLOT_OK; k++)
    result = vlot__seat_start(&cluster->seats[k]);
  return result;
}

static void init_cluster_locks(vlot_cluster *cluster) {
  pthread_mutex_init(&cluster->stats_lock, NULL);
  pthread_mutex_init(&cluster->control_lock, NULL);
  pthread_cond_init(&cluster->control_free, NULL);
  pthread_mutex_init(&cluster->clients_lock, NULL);
  pthread_mutex_init(&cluster->change_lock, NULL);
  pthread_cond_init(&cluster->changed, NULL);
  pthread_mutex_init(&cluster->seats_lock, NULL);
}

static void free_cluster(vlot_cluster *cluster) {
  atomic_store(&cluster->mark, VLOT__MARK_CLOSED);
  if (cluster->seats)
    for (uint32_t k = 0; k < cluster->nodes; k++) {
      vlot__node *node = cluster->seats[k].node;
      if (node) vlot__node_close(node, VLOT_WHY_CLUSTER_CLOSED);
    }
  if (cluster->lockstep.newest) vlot__pending_deinit(cluster);
  if (cluster->seats)
    for (uint32_t k = 0; k < cluster->nodes; k++) close_seat(&cluster->seats[k]);
  if (cluster->links.is_faulty) vlot__links_deinit(cluster);
  if (cluster->observer.is_made) vlot__observer_deinit(cluster);
  VLOT__RECORD(cluster, close, cluster);
  pthread_key_delete(cluster->in_turn);
  pthread_mutex_destroy(&cluster->stats_lock);
  pthread_mutex_destroy(&cluster->control_lock);
  pthread_cond_destroy(&cluster->control_free);
  pthread_mutex_destroy(&cluster->clients_lock);
  pthread_mutex_destroy(&cluster->change_lock);
  pthread_cond_destroy(&cluster->changed);
  pthread_mutex_destroy(&cluster->seats_lock);
  vlot__alloc_free(cluster->allocator, cluster->inboxes);
  vlot__alloc_free(cluster->allocator, cluster->events);
  vlot__alloc_free(cluster->allocator, cluster->members);
  vlot__alloc_free(cluster->allocator, cluster->seats);
  vlot__alloc_free(cluster->allocator, cluster);
}

/* With *out set there is something to be freed, whatever the result. */
static vlot_result make_cluster(vlot_cluster **out, const vlot_cluster_options *options,
                                const vlot__recorder *recorder, struct vlot__replay *replay) {
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
  bool is_lockstep = options->driver == VLOT_DRIVER_LOCKSTEP;
  atomic_init(&cluster->driver, is_lockstep ? &vlot__driver_lockstep : &vlot__driver_threads);
  cluster->lockstep.is_inline = is_lockstep && options->is_inline;
  cluster->requests.obey = vlot__requests_obey;
  atomic_init(&cluster->next_id, 1);
  cluster->recorder = recorder;
  cluster->replay = replay;
  cluster->has_seat_ids = recorder || !is_lockstep;
  init_cluster_locks(cluster);
  *out = cluster;
  return open_parts(cluster);
}

/* An opening has failed. */
static void take_back(vlot_cluster *cluster) {
  (void)vlot__driver_of(cluster)->close(cluster);
  VLOT__RECORD(cluster, finish, cluster);
  free_cluster(cluster);
}

vlot_result vlot__cluster_make(vlot_cluster **out, const vlot_cluster_options *options,
                               const vlot__recorder *recorder, struct vlot__replay *replay,
                               const char **problem) {
  vlot_cluster *cluster = NULL;
  *out = NULL;
  vlot_result result = vlot__options_check(options, problem);
  if (result == VLOT_OK) result = make_cluster(&cluster, options, recorder, replay);
  if (result == VLOT_OK) {
    *out = cluster;
  } else if (cluster) {
    if (recorder) cluster->recorder = NULL; /* it is still the caller's */
    take_back(cluster);
  }
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
  vlot_result result = vlot__cluster_make(&cluster, options, NULL, NULL, problem);
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

static vlot_result finish_recording(vlot_cluster *cluster) {
  const vlot__recorder *recorder = cluster->recorder;
  return recorder && recorder->finish ? recorder->finish(cluster) : VLOT_OK;
}

vlot_result vlot_cluster_close(vlot_cluster *cluster) {
  if (!cluster) return VLOT_OK;
  if (vlot__is_node_thread(cluster)) return VLOT_DEADLOCK;
  /* close clients first */
  for (uint32_t k = 0; k < cluster->client_count; k++) VLOT_ASSERT(!cluster->inboxes[k]);
  vlot__control_begin(cluster);
  cluster->is_closing = true;
  vlot_result result = VLOT_OK;
  for (uint32_t k = cluster->nodes; k > 0; k--) {
    vlot_result stopped = vlot__seat_stop(&cluster->seats[k - 1], VLOT_WHY_CLUSTER_CLOSED, false);
    if (stopped == VLOT_TIMEOUT) result = VLOT_TIMEOUT;
  }
  vlot_result stopped = vlot__driver_of(cluster)->close(cluster);
  if (stopped == VLOT_TIMEOUT) result = VLOT_TIMEOUT;
  if (finish_recording(cluster) != VLOT_OK && result == VLOT_OK) result = VLOT_IO;
  bool is_violated = cluster->observer.has_violation;
  vlot__control_end(cluster);
  /* a quarantined thread still uses the cluster's memory: it is left alone, with all of it */
  if (result != VLOT_TIMEOUT) free_cluster(cluster);
  return result != VLOT_TIMEOUT && is_violated ? VLOT_VIOLATED : result;
}
