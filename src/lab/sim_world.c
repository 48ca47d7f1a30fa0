/* vlot sim, one seed's run: chaos, then everything is healed and must commit again, then it idles,
 * then replicas and clients must agree.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum {
  RECOVERY_ELECTIONS = 50, /* so many T after healing something new must be committed */
  PATIENCE_ELECTIONS = 100,
  CORE_ELECTIONS = 100, /* … where a majority was healed and a client may still ask the others */
  CALM_ELECTIONS = 30,  /* so many T after healing nothing is on its way any more */
  STREAM_SHAPE = 1,
  STREAM_NODES,
  STREAM_FAULTS,
  STREAM_CLIENTS,
  STREAM_SNAPSHOTS,
};

bool vlot__sim_fail(vlot__sim_world *world, vlot__sim_end end, const char *format, ...) {
  va_list arguments;
  if (world->end != VLOT__SIM_SAFE) return false;
  world->end = end;
  va_start(arguments, format);
  vsnprintf(world->text, sizeof world->text, format, arguments);
  va_end(arguments);
  return false;
}

static uint64_t actions_of(vlot_cluster *cluster) {
  vlot_cluster_stats stats;
  vlot_cluster_get_stats(cluster, &stats);
  return stats.actions;
}

/* One turn after the other, so that it can stop behind each: the same run as at once. */
static vlot_result step_visited(vlot__sim_world *world, uint64_t count, uint64_t *done) {
  enum { TURN_MAX = 64 };
  const vlot__sim_visit *visit = world->visit;
  vlot_result result = VLOT_OK;
  uint64_t at = actions_of(world->cluster), one = 1;
  uint64_t end = at + count + TURN_MAX;
  if (end < visit->stop_at && (!visit->may_stop || end < visit->from)) {
    world->passed = at;
    return vlot_lockstep_step(world->cluster, count, done);
  }
  while (result == VLOT_OK && *done < count && one > 0 && !world->has_stopped) {
    world->has_stopped = at >= visit->stop_at;
    if (world->has_stopped) break;
    world->passed = at;
    result = vlot_lockstep_step(world->cluster, 1, &one);
    *done += one;
    at = actions_of(world->cluster);
    visit->seen(visit->context);
    world->has_stopped =
        at >= visit->stop_at || (at > visit->from && visit->may_stop &&
                                 visit->may_stop(world->cluster, visit->stop_context));
  }
  return result;
}

bool vlot__sim_step(vlot__sim_world *world, uint64_t count, uint64_t *done) {
  uint64_t own;
  if (!done) done = &own;
  *done = 0;
  vlot_result result = world->visit ? step_visited(world, count, done)
                                    : vlot_lockstep_step(world->cluster, count, done);
  world->done += *done;
  if (world->visit) world->visit->seen(world->visit->context);
  if (world->has_stopped && result == VLOT_OK) return false;
  if (!vlot__sim_marks_watch(world)) return false;
  if (world->has_fence) vlot__sim_faults_mend(world);
  if (result == VLOT_OK) return true;
  if (result != VLOT_VIOLATED)
    return vlot__sim_fail(world, VLOT__SIM_FAILED, "a step fails: %s", vlot_problem(result));
  char text[300] = "";
  vlot_cluster_violation(world->cluster, text, sizeof text);
  return vlot__sim_fail(world, VLOT__SIM_VIOLATED, "%s", text);
}

/* --- the shape of a world --- */

/* Small limits make rare paths common. */
static uint32_t sometimes(vlot__dice *dice, uint32_t permille, uint32_t small, uint32_t usual) {
  bool is_small = vlot__dice_chance(dice, permille);
  uint64_t value = vlot__dice_between(dice, 1, small);
  return is_small ? (uint32_t)value : usual;
}

static void draw_raft(vlot__dice *dice, vlot_raft_options *raft) {
  raft->election_ticks_min = (uint32_t)vlot__dice_between(dice, 4, 30);
  raft->election_ticks_max = raft->election_ticks_min;
  raft->election_ticks_max += (uint32_t)vlot__dice_between(dice, raft->election_ticks_min / 2 + 1,
                                                           2u * raft->election_ticks_min);
  raft->heartbeat_ticks = (uint32_t)vlot__dice_between(dice, 1, raft->election_ticks_min / 3);
  raft->append_entries_max = sometimes(dice, 300, 3, raft->append_entries_max);
  raft->append_bytes_max = sometimes(dice, 200, 64, raft->append_bytes_max);
  raft->window_messages_max = sometimes(dice, 300, 3, raft->window_messages_max);
  raft->window_bytes_max = sometimes(dice, 200, 64, (uint32_t)raft->window_bytes_max);
  raft->tail_bytes_max = sometimes(dice, 150, 512, (uint32_t)raft->tail_bytes_max);
  if (raft->tail_bytes_max < 64) raft->tail_bytes_max = 64; /* any command must fit */
  raft->reads_max = sometimes(dice, 200, 3, raft->reads_max);
  raft->apply_entries_max = sometimes(dice, 200, 3, raft->apply_entries_max);
}

/* In half of the seeds logs are short, and snapshots come in small chunks, a few at a time. */
static void draw_snapshots(vlot__sim_world *world, vlot_cluster_options *options) {
  vlot__dice dice = vlot__dice_of(world->seed, STREAM_SNAPSHOTS);
  vlot_raft_options *raft = &options->raft;
  options->snapshot_bytes = 0;
  if (!vlot__dice_chance(&dice, 500)) return;
  bool is_large = vlot__dice_chance(&dice, 200);
  options->snapshot_bytes =
      is_large ? vlot__dice_between(&dice, 3000, 20000) : vlot__dice_between(&dice, 100, 3000);
  bool has_trailing = vlot__dice_chance(&dice, 500);
  uint64_t trailing = vlot__dice_between(&dice, 1, 20);
  options->snapshot_trailing = has_trailing ? trailing : 0;
  bool is_wide = vlot__dice_chance(&dice, 400) && raft->tail_bytes_max >= 4096;
  world->value_width = is_wide ? (uint32_t)vlot__dice_between(&dice, 50, 300) : 0;
  raft->snapshot_chunk_bytes = sometimes(&dice, 700, 100, raft->snapshot_chunk_bytes);
  raft->snapshot_window_bytes = sometimes(&dice, 500, 200, raft->snapshot_window_bytes);
  raft->snapshot_tick_bytes = sometimes(&dice, 500, 100, 0);
  /* it has to arrive within the patience of a run */
  if (is_wide && raft->snapshot_tick_bytes > 0) raft->snapshot_tick_bytes += 50;
}

/* The number of nodes has a stream of its own: the command that repeats a run names it. */
static void draw_nodes(vlot__sim_world *world) {
  static const uint32_t sizes[] = {1, 2, 3, 3, 3, 5, 5, 7};
  vlot__dice dice = vlot__dice_of(world->seed, STREAM_NODES);
  uint64_t pick = vlot__dice_below(&dice, sizeof sizes / sizeof *sizes);
  if (world->nodes == 0) world->nodes = sizes[pick];
  bool has_learners = vlot__dice_chance(&dice, 200);
  if (has_learners && world->nodes >= 3)
    world->learners = (uint32_t)vlot__dice_between(&dice, 1, world->nodes / 3);
}

/* Any command of a machine of one's own must fit, and nobody knows how long they are. */
static void suit_plugin(const vlot_plugin *plugin, vlot_cluster_options *options) {
  vlot_cluster_options usual;
  vlot_cluster_options_init(&usual);
  options->machine = plugin->machine;
  options->raft.tail_bytes_max = usual.raft.tail_bytes_max;
  if (!plugin->machine->snapshot || !plugin->machine->restore) options->snapshot_bytes = 0;
}

static bool open_world(vlot__sim_world *world) {
  const char *problem = "";
  vlot__dice dice = vlot__dice_of(world->seed, STREAM_SHAPE);
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  draw_nodes(world);
  draw_raft(&dice, &options.raft);
  draw_snapshots(world, &options);
  if (world->plugin) suit_plugin(world->plugin, &options);
  options.nodes = world->nodes;
  options.learners = world->learners;
  options.driver = VLOT_DRIVER_LOCKSTEP;
  options.is_inline = !world->has_threads;
  options.seed = world->seed;
  options.has_checker = 3; /* and the laws of each core */
  options.ring_events = 16;
  /* the checker of every other seed remembers next to nothing: it must not object for that */
  if (world->seed % 2 == 0) options.observed_entries = 8;
  options.turn_max = sometimes(&dice, 300, 4, options.turn_max);
  world->client_permille = (uint32_t)vlot__dice_between(&dice, 50, 800);
  world->raft = options.raft;
  world->turn_max = options.turn_max;
  world->dice = vlot__dice_of(world->seed, STREAM_FAULTS);
  world->client_dice = vlot__dice_of(world->seed, STREAM_CLIENTS);
  vlot__sim_faults_draw(world);
  /* A node alone commits with every action, and each start applies all of that again. */
  if (world->nodes == 1 && world->fault_permille > 60) world->fault_permille = 60;
  options.keeps_events = 1;
  vlot_result result = vlot_cluster_open(&world->cluster, &options, &problem);
  if (result != VLOT_OK)
    return vlot__sim_fail(world, VLOT__SIM_FAILED, "no cluster: %s", vlot_problem(result));
  world->causes = vlot__causes_open();
  if (!world->causes || !vlot__sim_marks_open(world) ||
      vlot_subscription_open(&world->subscription, world->cluster, 0) != VLOT_OK ||
      !vlot__recording_attach(world->record, world->cluster, true))
    return vlot__sim_fail(world, VLOT__SIM_FAILED, "no memory for events");
  if (world->visit && !world->visit->opened(world->visit->context, world->cluster))
    return vlot__sim_fail(world, VLOT__SIM_FAILED, "no memory for events");
  return vlot__sim_clients_open(world);
}

static void count_lost_writes(vlot__sim_world *world) {
  for (uint32_t id = 1; id <= world->nodes; id++) {
    vlot_node_status status;
    if (vlot_cluster_get_status(world->cluster, id, &status) == VLOT_OK)
      world->marks[VLOT__MARK_LOST_WRITES] += status.lost_writes;
  }
}

static void close_world(vlot__sim_world *world) {
  if (!world->cluster) return;
  vlot_cluster_get_stats(world->cluster, &world->stats);
  count_lost_writes(world);
  vlot__sim_clients_close(world);
  vlot__recording_detach(world->record);
  if (world->subscription) vlot_subscription_close(world->subscription);
  vlot__causes_close(world->causes);
  free(world->seen);
  world->seen = NULL;
  vlot_result result = vlot_cluster_close(world->cluster);
  if (result != VLOT_OK)
    vlot__sim_fail(world, result == VLOT_VIOLATED ? VLOT__SIM_VIOLATED : VLOT__SIM_FAILED,
                   "closing the cluster: %s", vlot_problem(result));
  world->cluster = NULL;
}

/* --- its phases --- */

static bool chaos(vlot__sim_world *world) {
  uint64_t budget = world->actions / 10 * 7;
  while (world->done < budget) {
    uint64_t bound = vlot__dice_chance(&world->dice, 50) ? 500 : 40, done;
    uint64_t count = vlot__dice_between(&world->dice, 1, bound);
    if (count > budget - world->done) count = budget - world->done;
    if (!vlot__sim_step(world, count, &done) || !vlot__sim_clients_act(world)) return false;
    if (done < count) vlot__sim_faults_revive(world);
    if (vlot__dice_chance(&world->dice, world->fault_permille)) vlot__sim_faults_inject(world);
  }
  return true;
}

/* Submit until one is acknowledged, so many T at most. *ticks: how long that took. */
static bool commit_one(vlot__sim_world *world, uint32_t elections, const char *who,
                       uint64_t *ticks) {
  uint64_t begin = vlot_cluster_now(world->cluster), done;
  uint64_t limit = (uint64_t)elections * world->raft.election_ticks_min;
  uint32_t number = VLOT__SIM_NONE;
  while (vlot_cluster_now(world->cluster) - begin <= limit) {
    if (number == VLOT__SIM_NONE && !vlot__sim_clients_start(world, 0, VLOT__SIM_SET, 0, &number))
      return false;
    if (!vlot__sim_step(world, 4, &done) || !vlot__sim_clients_poll(world)) return false;
    if (number == VLOT__SIM_NONE || world->ops[number].result == VLOT_PENDING) {
      if (done == 0) break;
      continue;
    }
    if (world->ops[number].result == VLOT_OK) {
      *ticks = vlot_cluster_now(world->cluster) - begin;
      return true;
    }
    number = VLOT__SIM_NONE;
  }
  return vlot__sim_fail(world, VLOT__SIM_STUCK,
                        "I-23: nothing is committed within %u T after %s healed", elections, who);
}

static bool recover(vlot__sim_world *world) {
  return commit_one(world, RECOVERY_ELECTIONS, "all was", &world->recovery_ticks);
}

/* I-23: whatever becomes of the rest, a majority whose members hear each other goes on. */
static bool live_in_core(vlot__sim_world *world) {
  uint64_t ticks;
  if (!vlot__sim_faults_heal_core(world)) return true;
  if (!commit_one(world, CORE_ELECTIONS, "a majority was", &ticks)) return false;
  world->core_ticks = ticks;
  world->marks[VLOT__MARK_CORES]++;
  return true;
}

static bool has_no_flights(vlot__sim_world *world) {
  return vlot__sim_clients_inflight(world) == 0;
}

/* Every operation is answered by its deadline. */
static bool drain_clients(vlot__sim_world *world) {
  uint64_t begin = vlot_cluster_now(world->cluster), done;
  uint64_t limit = (uint64_t)PATIENCE_ELECTIONS * world->raft.election_ticks_min;
  while (!has_no_flights(world)) {
    if (!vlot__sim_step(world, 8, &done) || !vlot__sim_clients_poll(world)) return false;
    if (done == 0 || vlot_cluster_now(world->cluster) - begin > limit)
      return vlot__sim_fail(world, VLOT__SIM_STUCK, "I-23: %u operations are never answered",
                            vlot__sim_clients_inflight(world));
  }
  return true;
}

static uint64_t terms_of(vlot__sim_world *world) {
  uint64_t terms = 0;
  for (uint32_t id = 1; id <= world->nodes; id++) terms += world->seen[id].term;
  return terms;
}

/* I-24: heartbeats are all there is, and so everybody goes on as he is. */
static bool check_calm(vlot__sim_world *world, const vlot_cluster_stats *before, uint64_t terms) {
  vlot_cluster_stats after;
  vlot_cluster_get_stats(world->cluster, &after);
  uint64_t campaigns = after.campaigns - before->campaigns, now = terms_of(world);
  if (campaigns == 0 && now == terms) return true;
  return vlot__sim_fail(world, VLOT__SIM_VIOLATED,
                        "I-24: %llu campaigns while idle, and terms grew by %llu in all",
                        (unsigned long long)campaigns, (unsigned long long)(now - terms));
}

static bool idle(vlot__sim_world *world) {
  uint64_t calm = world->healed_tick + (uint64_t)CALM_ELECTIONS * world->raft.election_ticks_min,
           terms = 0;
  vlot_cluster_stats before = {0};
  bool is_calm = false;
  while (world->done < world->actions) {
    uint64_t left = world->actions - world->done, part = is_calm ? 1000 : 100, done;
    if (!vlot__sim_step(world, left < part ? left : part, &done)) return false;
    if (!is_calm && vlot_cluster_now(world->cluster) >= calm) {
      is_calm = true;
      vlot_cluster_get_stats(world->cluster, &before);
      terms = terms_of(world);
    }
    if (done > 0) continue;
    if (world->nodes == 1) break; /* a leader that is alone needs no timer */
    return vlot__sim_fail(world, VLOT__SIM_STUCK, "I-23: nothing is pending while idle");
  }
  return !is_calm || check_calm(world, &before, terms);
}

/* Between two heartbeats it is quiet too, while somebody still lags behind: so first everybody has
 * to arrive. */
static bool settle(vlot__sim_world *world) {
  uint64_t limit = (uint64_t)PATIENCE_ELECTIONS * world->raft.election_ticks_min;
  uint64_t fences;
  vlot_result result;
  do {
    vlot_cluster_stats stats;
    fences = world->marks[VLOT__MARK_FENCED];
    vlot_cluster_get_stats(world->cluster, &stats);
    result = vlot_await_applied(world->cluster, 0, stats.commits, limit);
    if (result == VLOT_OK) result = vlot_await_quiet(world->cluster, limit);
    if (!vlot__sim_step(world, 0, NULL)) return false;
  } while (world->marks[VLOT__MARK_FENCED] > fences); /* a restart has disturbed the rest */
  if (result == VLOT_OK) return true;
  return vlot__sim_fail(world, VLOT__SIM_STUCK, "I-23: it does not come to rest: %s",
                        vlot_result_text(result));
}

/* Replicas apply the same commands, so at the same index they hash alike. */
static bool compare_replicas(vlot__sim_world *world) {
  uint64_t hash = 0, applied = 0;
  if (world->plugin && !world->plugin->machine->hash) return true;
  for (uint32_t id = 1; id <= world->nodes; id++) {
    uint64_t own_hash = 0, own_applied = 0;
    vlot_result result = vlot_cluster_hash(world->cluster, id, &own_hash, &own_applied);
    if (result != VLOT_OK)
      return vlot__sim_fail(world, VLOT__SIM_STUCK, "I-23: n%u is not there at the end: %s", id,
                            vlot_result_text(result));
    if (id == 1) {
      hash = own_hash;
      applied = own_applied;
    }
    if (own_applied != applied)
      return vlot__sim_fail(world, VLOT__SIM_STUCK,
                            "I-23: at rest n1 has applied %llu entries, n%u %llu",
                            (unsigned long long)applied, id, (unsigned long long)own_applied);
    if (own_hash != hash)
      return vlot__sim_fail(
          world, VLOT__SIM_VIOLATED, "replicas differ at index %llu: n1 %016llx, n%u %016llx",
          (unsigned long long)applied, (unsigned long long)hash, id, (unsigned long long)own_hash);
  }
  return true;
}

typedef struct flights {
  uint32_t nodes;
  uint64_t count;
} flights;

/* What a leader has under way to others, and what of a snapshot has come. */
static void count_flights(void *context, const vlot_raft *raft, void *machine) {
  flights *all = context;
  vlot_raft_status status;
  (void)machine;
  vlot_raft_get_status(raft, &status);
  all->count += status.is_installing + (status.receives_index != 0);
  for (uint32_t id = 1; id <= all->nodes; id++) {
    vlot_progress to;
    if (vlot_raft_get_progress(raft, id, &to) == VLOT_OK)
      all->count += to.inflight_messages + (to.state == VLOT_PROGRESS_SNAPSHOT);
  }
}

/* I-21: at rest nobody owes anything. */
static bool check_ledgers(vlot__sim_world *world) {
  for (uint32_t id = 1; id <= world->nodes; id++) {
    vlot_node_status s;
    if (vlot_cluster_get_status(world->cluster, id, &s) != VLOT_OK) continue;
    flights under_way = {.nodes = world->nodes};
    (void)vlot_cluster_look(world->cluster, id, count_flights, &under_way);
    if (s.waiting + s.mailbox + s.raft.held_messages + s.raft.pending_reads + s.raft.tail_bytes +
            under_way.count ==
        0)
      continue;
    return vlot__sim_fail(world, VLOT__SIM_VIOLATED,
                          "I-21: at rest n%u has %llu commands waiting, %llu letters, %u held "
                          "messages, %u reads, %llu bytes, %llu appends or snapshots under way",
                          id, (unsigned long long)s.waiting, (unsigned long long)s.mailbox,
                          s.raft.held_messages, s.raft.pending_reads,
                          (unsigned long long)s.raft.tail_bytes,
                          (unsigned long long)under_way.count);
  }
  return true;
}

static bool live(vlot__sim_world *world) {
  if (!open_world(world) || !chaos(world) || !live_in_core(world)) return false;
  vlot__sim_faults_heal(world);
  return recover(world) && drain_clients(world) && idle(world) && vlot__sim_clients_verify(world) &&
         settle(world) && compare_replicas(world) && check_ledgers(world);
}

void vlot__sim_visit_run(vlot__sim_world *world) { live(world); }

void vlot__sim_close(vlot__sim_world *world) { close_world(world); }

void vlot__sim_run(vlot__sim_world *world) {
  live(world);
  close_world(world);
}
