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
  if (seat->storage.release) seat->storage.release(seat->storage.context);
  vlot__model_deinit(&seat->model);
  vlot__alloc_free(cluster->allocator, seat->events);
  vlot__alloc_free(cluster->allocator, seat->links);
  vlot__alloc_free(cluster->allocator, seat->slow.items);
  vlot__contacts_free(&seat->contacts, cluster->allocator);
  vlot_configuration_release(seat->configuration);
  vlot_actor_release(seat->actor);
  pthread_mutex_destroy(&seat->status_lock);
}

/* A seat's draws are its own: however many others there are, and in whatever order they are met. */
static uint64_t draw_of(const vlot__seat *seat, uint64_t stream) {
  vlot__prng prng;
  vlot__prng_init(&prng, seat->cluster->options.seed, stream);
  for (uint32_t k = 1; k < seat->id; k++) (void)vlot__prng_next(&prng);
  return vlot__prng_next(&prng);
}

static vlot_result open_seats(vlot_cluster *cluster) {
  uint32_t count = cluster->options.nodes;
  cluster->bootstrap = vlot__alloc_zero(cluster->allocator, count, sizeof *cluster->bootstrap);
  uint32_t *ids = vlot__alloc(cluster->allocator, count, sizeof *ids);
  for (uint32_t k = 0; ids && k < count; k++) ids[k] = k + 1;
  bool is_met = cluster->bootstrap && ids && vlot__seats_meet(cluster, ids, count);
  vlot__alloc_free(cluster->allocator, ids);
  if (!is_met) return VLOT_NOMEM;
  vlot__seat *seat;
  uint32_t k = 0;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    seat->seed = draw_of(seat, UINT64_C(4) << 40);
    seat->disk_id = draw_of(seat, UINT64_C(3) << 40);
    if (seat->disk_id == 0) seat->disk_id = 1;
    vlot_result result = open_seat(seat);
    if (result != VLOT_OK) return result;
    cluster->bootstrap[k] = (vlot_member){.id = seat->id,
                                          .is_learner = k >= count - cluster->options.learners,
                                          .disk_id = seat->disk_id};
    seat->status.is_learner = cluster->bootstrap[k].is_learner;
    seat->status.raft.is_voter = !seat->status.is_learner;
    k++;
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
      !vlot__pending_init(cluster))
    return VLOT_NOMEM;
  /* before any thread or journal: a replay's opening tells it too */
  vlot__emit_config(cluster, 0, cluster->bootstrap, cluster->options.nodes);
  /* before any thread can have something for it */
  if (cluster->options.journal) result = vlot__record_open(cluster);
  return result == VLOT_OK ? vlot__driver_of(cluster)->open(cluster) : result;
}

static vlot_result start_nodes(vlot_cluster *cluster) {
  vlot_result result = VLOT_OK;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    if (result == VLOT_OK) result = vlot__seat_start(seat);
  }
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
  pthread_mutex_init(&cluster->links_lock, NULL);
}

static void free_cluster(vlot_cluster *cluster) {
  atomic_store(&cluster->mark, VLOT__MARK_CLOSED);
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    if (seat->node) vlot__node_close(seat->node, VLOT_WHY_CLUSTER_CLOSED);
  }
  vlot__pending_deinit(cluster);
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    if (seat->events) close_seat(seat); /* else it was not opened any more */
  }
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
  pthread_mutex_destroy(&cluster->links_lock);
  vlot__alloc_free(cluster->allocator, cluster->inboxes);
  vlot__alloc_free(cluster->allocator, cluster->events);
  vlot__alloc_free(cluster->allocator, cluster->bootstrap);
  vlot__seats_free(cluster);
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
  const struct vlot__seats *all = vlot__seats_of(cluster);
  for (uint32_t k = all->count; k > 0; k--) {
    vlot_result stopped = vlot__seat_stop(all->seats[k - 1], VLOT_WHY_CLUSTER_CLOSED, false);
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
