/* The cluster object: opening and closing. */
#include "cluster/open.h"

#include "base/assert.h"
#include "base/lock.h"
#include "cluster/assist.h"
#include "cluster/bootstrap.h"
#include "cluster/change.h"
#include "cluster/clock.h"
#include "cluster/control.h"
#include "cluster/door.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/host.h"
#include "cluster/inbox.h"
#include "cluster/lints.h"
#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "cluster/pending.h"
#include "cluster/recorder.h"
#include "cluster/refuse.h"
#include "cluster/request.h"
#include "cluster/stop.h"

/* --- its parts --- */

/* The ring of all events, and behind it that of rare ones: one piece. NULL: no memory. */
static vlot_event *make_rings(const vlot_cluster *cluster, vlot__rare *rare) {
  size_t all = cluster->options.ring_events;
  vlot_event *events = vlot__alloc(cluster->allocator, all + VLOT_RARE_EVENTS, sizeof *events);
  *rare = (vlot__rare){.events = events ? events + all : NULL, .capacity = VLOT_RARE_EVENTS};
  return events;
}

static vlot_result open_seat(vlot__seat *seat) {
  vlot_cluster *cluster = seat->cluster;
  pthread_mutex_init(&seat->status_lock, NULL);
  atomic_init(&seat->clock_permille, 1000);
  atomic_init(&seat->clock_changed, 0);
  atomic_init(&seat->state, VLOT_NODE_DOWN);
  atomic_init(&seat->due, VLOT_NEVER);
  vlot__model_init(&seat->model, cluster->allocator, 0, 0);
  seat->events = make_rings(cluster, &seat->rare);
  return seat->events ? VLOT_OK : VLOT_NOMEM;
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

static bool meet_members(vlot_cluster *cluster) {
  uint32_t count = cluster->bootstrap_count;
  uint32_t *ids = vlot__alloc(cluster->allocator, count, sizeof *ids);
  for (uint32_t k = 0; ids && k < count; k++) ids[k] = cluster->bootstrap[k].id;
  bool is_met = ids && vlot__seats_meet(cluster, ids, count);
  vlot__alloc_free(cluster->allocator, ids);
  return is_met;
}

/* Whoever stands in the configuration has a seat, and the seat its disk. */
static vlot_result open_seats(vlot_cluster *cluster, vlot__bootstrap *disks) {
  if (!meet_members(cluster)) return VLOT_NOMEM;
  for (uint32_t k = 0; k < cluster->bootstrap_count; k++) {
    const vlot_member *member = &cluster->bootstrap[k];
    vlot__seat *seat = vlot__seat_of(cluster, member->id);
    seat->seed = draw_of(seat, UINT64_C(4) << 40);
    vlot_result result = open_seat(seat);
    if (result != VLOT_OK) return result;
    vlot__bootstrap_take(disks, member, seat);
    seat->status.is_learner = member->is_learner;
    seat->status.raft.is_voter = !member->is_learner;
    seat->status.raft.has_foreign_disk = seat->disk_id != member->disk_id;
  }
  return VLOT_OK;
}

static vlot_result open_disks(vlot_cluster *cluster) {
  vlot__bootstrap disks;
  vlot_result result = vlot__bootstrap_open(&disks, cluster);
  if (result == VLOT_OK) result = open_seats(cluster, &disks);
  vlot__bootstrap_close(&disks);
  return result;
}

/* Before any thread or journal: a replay's opening tells it too. A disk that was blank once is not
 * the one that the configuration names. */
static void tell_configuration(vlot_cluster *cluster) {
  vlot__emit_config(cluster, 0, cluster->bootstrap, cluster->bootstrap_count);
  for (uint32_t k = 0; k < cluster->bootstrap_count; k++) {
    vlot__seat *seat = vlot__seat_of(cluster, cluster->bootstrap[k].id);
    if (seat->status.raft.has_foreign_disk)
      vlot__emit_change(cluster, seat, VLOT_EVENT_RESTART, VLOT_WHY_FOREIGN_DISK, 0,
                        VLOT_RESTART_WIPE, 0, 0);
  }
}

static vlot_result open_parts(vlot_cluster *cluster) {
  cluster->events = make_rings(cluster, &cluster->rare);
  vlot_result result = open_disks(cluster);
  if (result != VLOT_OK) return result;
  bool is_stepped = vlot__driver_of(cluster)->is_stepped;
  if (!cluster->events || !vlot__observer_init(cluster, !is_stepped, is_stepped) ||
      !vlot__pending_init(cluster))
    return VLOT_NOMEM;
  tell_configuration(cluster);
  /* before any thread can have something for it */
  if (cluster->options.journal || cluster->options.journal_path)
    result = vlot__record_open(cluster);
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
  pthread_mutex_init(&cluster->waiting_lock, NULL);
  pthread_mutex_init(&cluster->change_lock, NULL);
  pthread_cond_init(&cluster->changed, NULL);
  pthread_mutex_init(&cluster->seats_lock, NULL);
  pthread_mutex_init(&cluster->links_lock, NULL);
  pthread_mutex_init(&cluster->door_lock, NULL);
  pthread_cond_init(&cluster->left, NULL);
  pthread_mutex_init(&cluster->teller.lock, NULL);
  pthread_cond_init(&cluster->teller.told, NULL);
}

/* All of it but the struct and its seats, which shells may still hold. */
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
  vlot__teller_stop(cluster);
  vlot__log_close(cluster);
  if (cluster->observer.is_made) vlot__observer_deinit(cluster);
  VLOT__RECORD(cluster, close, cluster);
  vlot__alloc_free(cluster->allocator, cluster->events);
  vlot__alloc_free(cluster->allocator, cluster->bootstrap);
  vlot_host *host = cluster->host;
  vlot__cluster_release(cluster);
  vlot__host_leave(host);
}

/* With *out set there is something to be freed, whatever the result. */
static vlot_result make_cluster(vlot_cluster **out, const vlot_cluster_options *options,
                                const vlot__recorder *recorder, struct vlot__replay *replay) {
  vlot_host *host =
      options->host ? options->host : vlot__host_make(options->allocator, options->tick_ns, false);
  if (!host) return VLOT_NOMEM;
  const vlot_allocator *allocator = host->allocator;
  vlot__host_join(host);
  vlot_cluster *cluster = vlot__alloc_zero(allocator, 1, sizeof *cluster);
  if (!cluster) {
    vlot__host_leave(host);
    return VLOT_NOMEM;
  }
  atomic_init(&cluster->mark, VLOT__MARK_OPEN);
  atomic_init(&cluster->references, 1);
  cluster->epoch = vlot__fork_epoch();
  cluster->options = *options;
  cluster->options.allocator = cluster->allocator = allocator;
  cluster->log_allocator = host->log_allocator;
  cluster->options.tick_ns = host->options.tick_ns;
  cluster->host = host;
  vlot__options_fit_snapshots(&cluster->options);
  cluster->machine = options->machine ? *options->machine : *vlot_kv_machine();
  if (!cluster->machine.snapshot || !cluster->machine.restore)
    vlot__options_take_none(&cluster->options);
  cluster->may_assist = vlot__may_assist(cluster);
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
  vlot_result result = vlot__log_open(cluster);
  if (result == VLOT_BUSY) vlot__host_lacks_threads(cluster);
  return result == VLOT_OK ? open_parts(cluster) : result;
}

/* An opening has failed. */
static void take_back(vlot_cluster *cluster, const char **problem) {
  if (cluster->lacks_threads)
    *problem = "threads: the process or the machine allows no more (ulimit -u, ulimit -v for their "
               "stacks, kernel.threads-max, pids.max, vm.max_map_count); use fewer nodes, or "
               "lockstep";
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
    take_back(cluster, problem);
  }
  return result;
}

static vlot_result open_cluster(vlot_cluster **out, const vlot_cluster_options *options,
                                const char **problem) {
  vlot_cluster *cluster = NULL;
  vlot_result result = vlot__cluster_make(&cluster, options, NULL, NULL, problem);
  if (result != VLOT_OK) return result;
  vlot__lint_open(cluster);
  result = start_nodes(cluster);
  if (result != VLOT_OK) {
    take_back(cluster, problem);
    return result;
  }
  cluster->options.problem_size = 0; /* they were lent for the opening */
  cluster->options.snapshot = NULL;
  *out = cluster;
  vlot__stop_opened(cluster);
  return result;
}

/* What is told of a failure: the caller's own room first, which can hold more. */
static void tell_problem(vlot_result result, const vlot_cluster_options *options, bool is_asked,
                         const char **problem) {
  bool has_words = options->problem[0] != '\0';
  bool is_journal = result == VLOT_IO && options->journal_path;
  if (has_words && is_asked)
    *problem = options->problem;
  else if (has_words && !*problem && is_journal)
    *problem = "journal_path: it cannot be written; options.problem and the log say why";
  else if (has_words && !*problem)
    *problem = "what the disks hold; options.problem and the log say what is wrong";
  else if (!*problem && result == VLOT_INVALID && options->place == VLOT_PLACE_CORE)
    *problem = "core: one that this process may run on";
  if (has_words)
    (void)vlot__refuse_words(result, options->problem);
  else if (*problem)
    (void)vlot__refuse(result, *problem);
}

vlot_result vlot_cluster_open(vlot_cluster **out, const vlot_cluster_options *options,
                              const char **problem) {
  VLOT_GIVEN(out);
  const char *ignored;
  char words[256];
  vlot_cluster_options with_words;
  if (!problem) problem = &ignored;
  *problem = NULL;
  *out = NULL;
  vlot_cluster_options_init(&with_words);
  bool has_size = !options || options->size == with_words.size;
  if (!has_size || (options && options->problem_size > 0 && !options->problem)) {
    vlot_result refused = vlot__options_check(options, problem);
    return vlot__refuse(refused, *problem);
  }
  if (options) with_words = *options;
  if (with_words.host && vlot__has_forked(with_words.host->epoch)) {
    *problem = "host: of the process that this one was forked from";
    return vlot__refuse(VLOT_UNSUPPORTED, *problem);
  }
  bool is_asked = with_words.problem_size > 0;
  if (!is_asked) {
    with_words.problem = words;
    with_words.problem_size = sizeof words;
  }
  with_words.problem[0] = '\0';
  int cancel_state = vlot__cancel_off(); /* it runs user code, and nobody else knows of it yet */
  vlot_result result = open_cluster(out, &with_words, problem);
  vlot__cancel_restore(cancel_state);
  if (result != VLOT_OK) tell_problem(result, &with_words, is_asked, problem);
  return result;
}

static vlot_result finish_recording(vlot_cluster *cluster) {
  const vlot__recorder *recorder = cluster->recorder;
  return recorder && recorder->finish ? recorder->finish(cluster) : VLOT_OK;
}

static vlot_result shut(vlot_cluster *cluster) {
  if (vlot__is_forked(cluster)) return vlot__refuse_forked_child();
  if (vlot__is_inside(cluster) || vlot__clock_is_here(cluster) ||
      vlot__inside(&cluster->host->teller))
    return vlot__refuse(VLOT_DEADLOCK,
                        "this is inside a call of this cluster (a function of the caller's that it "
                        "has called), or on its clock's thread: close it when that has returned");
  VLOT__VISIT_RESULT(cluster);
  if (vlot__is_node_thread(cluster)) return vlot__refuse_node_thread();
  return vlot__door_shut(cluster) ? VLOT_OK : vlot__refuse_closed();
}

/* Whoever waits inside is woken and leaves; then clients become shells, and nobody but its own
 * threads uses the cluster. */
static void see_off(vlot_cluster *cluster) {
  vlot__notify_changed(cluster);
  vlot__control_wake(cluster);
  vlot__clients_wake(cluster, VLOT_NEVER);
  vlot__door_wait(cluster);
  vlot__clients_close(cluster);
  /* whoever has paused it does not step it any more */
  if (cluster->is_paused) atomic_store(&cluster->pauser, vlot__thread_number());
}

vlot_result vlot_cluster_close(vlot_cluster *cluster) {
  if (!cluster) return VLOT_OK;
  vlot_result result = shut(cluster);
  if (result != VLOT_OK) return result;
  see_off(cluster);
  vlot__control_begin(cluster);
  cluster->is_closing = true;
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
  vlot__teller_stop(cluster);
  /* a quarantined thread still uses the cluster's memory: it is left alone, with all of it */
  if (result != VLOT_TIMEOUT)
    free_cluster(cluster);
  else
    vlot__host_leave(cluster->host);
  if (result == VLOT_TIMEOUT)
    return vlot__refuse(
        result, "a node's thread is stuck in user code: it and the cluster's memory are left "
                "alone, and the code that it is inside must stay loaded");
  if (result == VLOT_IO) vlot__refuse(result, "the journal is not whole: its sink failed");
  return is_violated
             ? vlot__refuse(VLOT_VIOLATED, "the checker found a broken safety property: see "
                                           "the log, or vlot_cluster_violation() before "
                                           "closing")
             : result;
}
