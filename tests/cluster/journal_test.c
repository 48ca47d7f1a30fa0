/* Journals: what is recorded replays as the same run; what is not whole, or not the same, is
 * told. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/journal.h"
#include "taped.h"

enum { PATIENCE = 20000 };

typedef struct stage {
  vlot_cluster *cluster;
  vlot_client *client;
  uint32_t leader;
  uint64_t seed;
} stage;

/* --- what happens in a run --- */

static void propose(stage *at, vlot_client *client, const char *key, size_t size) {
  char value[4096];
  memset(value, 'v', sizeof value);
  vlot_bytes *bytes = vlot_kv_encode(NULL, &(vlot_kv_command){.operation = VLOT_KV_SET,
                                                              .key = key,
                                                              .key_size = strlen(key),
                                                              .value = value,
                                                              .value_size = size});
  vlot_result result = vlot_client_propose(client ? client : at->client, vlot_bytes_data(bytes),
                                           vlot_bytes_size(bytes), NULL);
  cr_assert(result == VLOT_OK || result == VLOT_UNKNOWN || result == VLOT_REJECTED, "%s",
            vlot_result_text(result));
  vlot_bytes_release(bytes);
}

static void load(stage *at, int count) {
  char key[16];
  for (int k = 0; k < count; k++) {
    snprintf(key, sizeof key, "key%d", k);
    propose(at, NULL, key, k % 7 == 6 ? 2000 : 8);
  }
}

static void await_leader(stage *at) {
  cr_assert_eq(vlot_await_leader(at->cluster, PATIENCE, &at->leader), VLOT_OK);
}

static uint32_t follower(const stage *at) { return at->leader == 1 ? 2 : 1; }

static void pass_ticks(stage *at, uint64_t ticks) {
  cr_assert_eq(vlot_await_applied(at->cluster, at->leader, UINT64_MAX, ticks), VLOT_TIMEOUT);
}

static void ok(vlot_result result) {
  cr_assert_eq(result, VLOT_OK, "%s", vlot_result_text(result));
}

static void quiet(stage *at) { load(at, 10); }

static void kill_and_restart(stage *at) {
  load(at, 5);
  ok(vlot_cluster_kill(at->cluster, at->leader, false));
  uint32_t victim = at->leader;
  await_leader(at);
  load(at, 5);
  ok(vlot_cluster_spawn(at->cluster, victim));
  ok(vlot_cluster_restart(at->cluster, follower(at), VLOT_RESTART_KEEP));
  load(at, 5);
}

static void power_cut(stage *at) {
  vlot_disk_fault slow = {.delay_ticks_min = 2, .delay_ticks_max = 9};
  for (uint32_t id = 1; id <= 3; id++) ok(vlot_cluster_set_disk(at->cluster, id, &slow));
  load(at, 4);
  ok(vlot_cluster_restart(at->cluster, follower(at), VLOT_RESTART_LOSE));
  load(at, 4);
  ok(vlot_cluster_kill(at->cluster, at->leader, true));
  ok(vlot_cluster_spawn(at->cluster, at->leader));
  await_leader(at);
  load(at, 4);
}

static void failed_write(stage *at) {
  uint32_t victim = follower(at);
  vlot_node_status status = {0};
  ok(vlot_cluster_set_disk(at->cluster, victim, &(vlot_disk_fault){.fail_at = 2}));
  load(at, 6);
  ok(vlot_cluster_get_status(at->cluster, victim, &status));
  cr_assert_eq(status.state, VLOT_NODE_FENCED);
  ok(vlot_cluster_restart(at->cluster, victim, VLOT_RESTART_KEEP));
  load(at, 3);
}

static void wipe(stage *at) {
  load(at, 3);
  ok(vlot_cluster_restart(at->cluster, follower(at), VLOT_RESTART_WIPE));
  load(at, 3);
}

static void suspend(stage *at) {
  uint32_t id = follower(at);
  ok(vlot_cluster_suspend(at->cluster, id));
  load(at, 5);
  ok(vlot_cluster_resume(at->cluster, id));
  ok(vlot_cluster_suspend(at->cluster, at->leader));
  uint32_t before = at->leader;
  await_leader(at);
  ok(vlot_cluster_resume(at->cluster, before));
  load(at, 5);
}

static void bad_links(stage *at) {
  ok(vlot_cluster_set_link(at->cluster, 0, 0,
                           &(vlot_link){.loss = 50000,
                                        .duplicate = 200000,
                                        .reorder = 200000,
                                        .reorder_ticks = 3,
                                        .delay_ticks_max = 2}));
  load(at, 15);
}

/* Large commands are shared, and their bytes lie elsewhere than in a replay: what a follower passes
 * on together must not depend on that. All of it waits for one turn. */
static void large_by_a_follower(stage *at) {
  enum { COMMANDS = 80 };
  static const char value[3000];
  vlot_client *client;
  vlot_client_options options;
  vlot_client_options_init(&options);
  options.contact = follower(at);
  vlot_bytes *bytes = vlot_kv_encode(NULL, &(vlot_kv_command){.operation = VLOT_KV_SET,
                                                              .key = "large",
                                                              .key_size = 5,
                                                              .value = value,
                                                              .value_size = sizeof value});
  vlot_command command = {.data = vlot_bytes_data(bytes), .size = vlot_bytes_size(bytes)};
  ok(vlot_client_open(&client, at->cluster, &options));
  ok(vlot_cluster_suspend(at->cluster, options.contact));
  for (int k = 0; k < COMMANDS; k++) ok(vlot_client_submit(client, &command, 1, NULL));
  ok(vlot_cluster_resume(at->cluster, options.contact));
  for (vlot_answer answers[COMMANDS]; vlot_client_inflight(client) > 0;)
    cr_assert_gt(vlot_client_wait(client, answers, COMMANDS), 0);
  vlot_client_close(client);
  vlot_bytes_release(bytes);
}

static void partition(stage *at) {
  ok(vlot_cluster_partition(at->cluster, &at->leader, 1));
  pass_ticks(at, 60);
  ok(vlot_cluster_heal(at->cluster));
  await_leader(at);
  load(at, 5);
}

static void clocks(stage *at) {
  ok(vlot_cluster_set_clock_rate(at->cluster, at->leader, 300));
  load(at, 5);
  ok(vlot_cluster_set_clock_rate(at->cluster, follower(at), 2500));
  pass_ticks(at, 60);
  ok(vlot_cluster_set_clock_rate(at->cluster, at->leader, 1000));
  load(at, 5);
}

/* The first thing pending of a kind; 0. */
static uint64_t pending(stage *at, vlot_pending_kind kind) {
  vlot_pending all[128];
  size_t count = vlot_lockstep_pending(at->cluster, all, 128);
  for (size_t k = 0; k < count && k < 128; k++)
    if (all[k].kind == kind && !all[k].is_held) return all[k].id;
  return 0;
}

static void step_to_message(stage *at) {
  for (int k = 0; k < 200 && pending(at, VLOT_PENDING_MESSAGE) == 0; k++)
    ok(vlot_lockstep_step(at->cluster, 1, NULL));
}

static void pause(stage *at) {
  load(at, 3);
  ok(vlot_cluster_pause(at->cluster));
  step_to_message(at);
  uint64_t copy = 0;
  ok(vlot_lockstep_duplicate(at->cluster, pending(at, VLOT_PENDING_MESSAGE), &copy));
  ok(vlot_lockstep_drop(at->cluster, pending(at, VLOT_PENDING_MESSAGE)));
  ok(vlot_lockstep_step(at->cluster, 20, NULL));
  ok(vlot_lockstep_fire(at->cluster, VLOT_PENDING_TIMER_ID(follower(at)))); /* its timer, early */
  step_to_message(at);
  ok(vlot_lockstep_hold(at->cluster, pending(at, VLOT_PENDING_MESSAGE), true));
  ok(vlot_cluster_set_clock_rate(at->cluster, follower(at), 900));
  ok(vlot_cluster_suspend(at->cluster, 3));
  ok(vlot_lockstep_step(at->cluster, 20, NULL));
  ok(vlot_cluster_restart(at->cluster, 3, VLOT_RESTART_LOSE));
  ok(vlot_cluster_partition(at->cluster, (uint32_t[]){1, 2}, 2));
  ok(vlot_lockstep_step(at->cluster, 20, NULL));
  ok(vlot_cluster_heal(at->cluster));
  ok(vlot_cluster_unpause(at->cluster));
  await_leader(at);
  load(at, 5);
}

static void forwarded(stage *at) {
  vlot_client *client;
  vlot_client_options options;
  vlot_bytes *reply = NULL;
  vlot_client_options_init(&options);
  options.contact = follower(at);
  ok(vlot_client_open(&client, at->cluster, &options));
  for (int k = 0; k < 5; k++) propose(at, client, "forwarded", 10);
  vlot_bytes *question = vlot_kv_encode(
      NULL, &(vlot_kv_command){.operation = VLOT_KV_GET, .key = "forwarded", .key_size = 9});
  ok(vlot_client_query(client, vlot_bytes_data(question), vlot_bytes_size(question), &reply));
  ok(vlot_client_query(at->client, vlot_bytes_data(question), vlot_bytes_size(question), NULL));
  vlot_bytes_release(reply);
  vlot_bytes_release(question);
  vlot_client_close(client);
}

/* Many commands in a row of one size: short ones stand in a journal by what differs. */
static void batches(stage *at) {
  static const size_t sizes[] = {0, 1, 7, 20, 40, 41, 42, 100, 1200};
  vlot_answer answers[48];
  uint64_t random = 1;
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    for (int k = 0; k < 48; k++) {
      char key[8];
      uint8_t value[1200];
      snprintf(key, sizeof key, "%03d", k % 10);
      for (size_t b = 0; b < sizes[s]; b++)
        value[b] =
            (uint8_t)((random = random * 6364136223846793005u + 1) >> 60 == 0 ? random >> 40 : 0);
      vlot_bytes *bytes = vlot_kv_encode(NULL, &(vlot_kv_command){.operation = VLOT_KV_SET,
                                                                  .key = key,
                                                                  .key_size = 3,
                                                                  .value = value,
                                                                  .value_size = sizes[s]});
      vlot_command command = {.data = vlot_bytes_data(bytes), .size = vlot_bytes_size(bytes)};
      ok(vlot_client_submit(at->client, &command, 1, NULL));
      vlot_bytes_release(bytes);
    }
    while (vlot_client_inflight(at->client) > 0)
      for (size_t count = vlot_client_wait(at->client, answers, 48), k = 0; k < count; k++)
        ok(answers[k].result);
  }
}

static void orders(stage *at) {
  ok(vlot_cluster_order(at->cluster, at->leader, VLOT_INPUT_STEP_DOWN, 0));
  pass_ticks(at, 5);
  await_leader(at);
  ok(vlot_cluster_order(at->cluster, follower(at), VLOT_INPUT_ELECT, 0));
  ok(vlot_cluster_order(at->cluster, follower(at), VLOT_INPUT_SWITCHES,
                        VLOT_SWITCH_ALL & ~VLOT_SWITCH_PRE_VOTE));
  pass_ticks(at, 5);
  await_leader(at);
  load(at, 5);
}

typedef struct scenario {
  const char *name;
  void (*run)(stage *at);
} scenario;

static const scenario scenarios[] = {
    {"quiet", quiet},         {"kill and restart", kill_and_restart},
    {"power cut", power_cut}, {"failed write", failed_write},
    {"wipe", wipe},           {"suspend", suspend},
    {"bad links", bad_links}, {"partition", partition},
    {"clocks", clocks},       {"pause", pause},
    {"forwarded", forwarded}, {"orders", orders},
    {"batches", batches},     {"large by a follower", large_by_a_follower},
};

/* --- recording one --- */

typedef struct recorded {
  taped tape;
  vlot_cluster_stats stats;
  uint64_t hashes[3], applied[3];
} recorded;

static void record(recorded *out, const scenario *one, const vlot_start *starts,
                   size_t start_count) {
  stage at = {0};
  vlot_writer sink = taped_sink(&out->tape);
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.tick_ns = 500000;
  options.seed = 7;
  options.has_checker = 1;
  options.journal = &sink;
  options.starts = starts;
  options.start_count = start_count;
  ok(vlot_cluster_open(&at.cluster, &options, NULL));
  ok(vlot_client_open(&at.client, at.cluster, NULL));
  await_leader(&at);
  one->run(&at);
  await_leader(&at);
  load(&at, 1);
  cr_assert_eq(vlot_await_quiet(at.cluster, PATIENCE), VLOT_OK, "%s", one->name);
  ok(vlot_cluster_pause(at.cluster)); /* nothing happens between the look and the end */
  for (uint32_t k = 0; k < 3; k++)
    ok(vlot_cluster_hash(at.cluster, k + 1, &out->hashes[k], &out->applied[k]));
  vlot_cluster_get_stats(at.cluster, &out->stats);
  vlot_client_close(at.client);
  ok(vlot_cluster_close(at.cluster));
}

Test(journal, a_run_with_any_fault_is_replayed_as_it_was) {
  for (size_t s = 0; s < sizeof scenarios / sizeof *scenarios; s++) {
    recorded run = {0};
    vlot_cluster *cluster;
    vlot_cluster_stats stats;
    char text[320];
    record(&run, &scenarios[s], NULL, 0);
    const char *problem = taped_replay(&run.tape, NULL, &cluster, text);
    cr_assert_str_empty(problem, "%s: %s", scenarios[s].name, problem);
    for (uint32_t k = 0; k < 3; k++) {
      uint64_t hash, applied;
      ok(vlot_cluster_hash(cluster, k + 1, &hash, &applied));
      cr_assert(hash == run.hashes[k] && applied == run.applied[k], "%s: n%u", scenarios[s].name,
                k + 1);
    }
    vlot_cluster_get_stats(cluster, &stats);
    cr_assert(stats.kills == run.stats.kills && stats.restarts == run.stats.restarts, "%s",
              scenarios[s].name);
    cr_assert(stats.elections == run.stats.elections && stats.campaigns == run.stats.campaigns,
              "%s", scenarios[s].name);
    cr_assert(stats.sent == run.stats.sent && stats.delivered == run.stats.delivered, "%s",
              scenarios[s].name);
    cr_assert(stats.commits == run.stats.commits && stats.commits > 0, "%s", scenarios[s].name);
    ok(vlot_cluster_close(cluster));
    taped_free(&run.tape);
  }
}

Test(journal, starting_logs_stand_in_it) {
  vlot_log_entry log[2] = {
      {.term = 1, .entry = {.kind = VLOT_ENTRY_NOOP}},
      {.term = 3,
       .entry = {.kind = VLOT_ENTRY_COMMAND, .data = (const uint8_t *)"odd", .size = 3}}};
  vlot_start starts[2] = {{.id = 1, .term = 5, .vote = 2, .log = log, .log_count = 2},
                          {.id = 3, .term = 4, .log = log, .log_count = 1}};
  recorded run = {0};
  char text[320];
  record(&run, &scenarios[0], starts, 2);
  cr_assert_str_empty(taped_replay(&run.tape, NULL, NULL, text), "%s", text);
  taped_free(&run.tape);
}

/* --- what a replay lets one do --- */

Test(journal, a_replay_is_looked_at_and_not_changed) {
  recorded run = {0};
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_replay_status status;
  vlot_pending pending[64];
  uint64_t done;
  record(&run, &scenarios[1], NULL, 0);
  ok(vlot_replay_open(&cluster, NULL, run.tape.bytes, run.tape.size, NULL));
  vlot_event told[64];
  size_t count = vlot_cluster_events(cluster, 0, told, 64);
  cr_assert_eq(count, vlot_cluster_nodes(cluster), "its configuration, told again");
  for (size_t k = 0; k < count; k++) cr_assert_eq(told[k].kind, VLOT_EVENT_CONFIG);
  count = 0;
  for (int k = 0; k < 400 && count < 5; k++) {
    ok(vlot_lockstep_step(cluster, 1, &done));
    count = vlot_lockstep_pending(cluster, pending, 64);
  }
  cr_assert(count >= 5, "messages and timers are listed as in any cluster");
  uint64_t id = pending[0].id;
  cr_assert_eq(vlot_lockstep_fire(cluster, id), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_lockstep_drop(cluster, id), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_lockstep_hold(cluster, id, true), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_lockstep_duplicate(cluster, id, NULL), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_lockstep_delay(cluster, id, 1), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_kill(cluster, 1, false), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_spawn(cluster, 1), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_restart(cluster, 1, VLOT_RESTART_WIPE), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_suspend(cluster, 1), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_resume(cluster, 1), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_order(cluster, 1, VLOT_INPUT_ELECT, 0), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_set_clock_rate(cluster, 1, 10), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_set_disk(cluster, 1, &(vlot_disk_fault){0}), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_set_link(cluster, 1, 2, &(vlot_link){.is_cut = 1}), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_partition(cluster, (uint32_t[]){1}, 1), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_heal(cluster), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_lockstep_set_inline(cluster, false), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_UNSUPPORTED);
  ok(vlot_client_open(&client, cluster, NULL));
  cr_assert_eq(
      vlot_client_submit(client, &(vlot_command){.data = (const uint8_t *)"x", .size = 1}, 1, NULL),
      VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_client_read(client, "x", 1, VLOT_READ_LINEARIZABLE, NULL), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_await_applied(cluster, 1, UINT64_MAX, 1000000), VLOT_TIMEOUT,
               "whoever waits in vain is told");
  cr_assert_eq(vlot_client_poll(client, (vlot_answer[1]){{0}}, 1), 0,
               "recorded answers are not its own");
  vlot_client_close(client);
  ok(vlot_replay_get_status(cluster, &status));
  cr_assert(status.is_finished && !status.has_diverged && !status.is_cut && status.turns > 0, "%s",
            status.text);
  ok(vlot_lockstep_step(cluster, 1, &done));
  cr_assert_eq(done, 0, "nothing is left");
  ok(vlot_cluster_close(cluster));
  taped_free(&run.tape);
}

static size_t messages_sent(vlot_subscription *events) {
  vlot_event event;
  size_t count = 0;
  while (vlot_subscription_next(events, &event)) count += event.kind == VLOT_EVENT_SENT;
  return count;
}

Test(journal, time_of_a_replay_passes_tick_by_tick) {
  recorded run = {0};
  vlot_cluster *cluster;
  vlot_cluster_stats stats;
  vlot_replay_status status;
  record(&run, &scenarios[0], NULL, 0);
  ok(vlot_replay_open(&cluster, NULL, run.tape.bytes, run.tape.size, NULL));
  uint64_t before = 0;
  do {
    uint64_t now = vlot_cluster_now(cluster);
    ok(vlot_lockstep_pass(cluster, 1, NULL, NULL, UINT64_MAX));
    cr_assert_eq(vlot_cluster_now(cluster), now + 1, "a turn that is due later waits");
    vlot_cluster_get_stats(cluster, &stats);
    before += stats.idle_ticks > 0;
    ok(vlot_replay_get_status(cluster, &status));
  } while (status.actions < status.actions_total);
  cr_expect_gt(before, 0, "nothing was due at some");
  cr_expect_eq(stats.commits, run.stats.commits);
  cr_expect_eq(stats.sent, run.stats.sent);
  ok(vlot_cluster_close(cluster));
  taped_free(&run.tape);
}

Test(journal, a_replay_has_events_and_a_checker_of_its_own) {
  recorded run = {0};
  vlot_cluster *cluster;
  vlot_subscription *events;
  vlot_cluster_options options;
  char text[320];
  record(&run, &scenarios[6], NULL, 0);
  vlot_cluster_options_init(&options);
  options.keeps_events = 1;
  options.has_checker = 1;
  cr_assert_str_empty(taped_replay(&run.tape, &options, &cluster, text), "%s", text);
  ok(vlot_subscription_open(&events, cluster, 0));
  cr_assert_eq(messages_sent(events), run.stats.sent);
  vlot_subscription_close(events);
  ok(vlot_cluster_close(cluster));
  taped_free(&run.tape);
}

/* --- what is no journal --- */

Test(journal, what_is_none_says_what_it_is) {
  recorded run = {0};
  vlot_cluster *cluster;
  vlot_journal_info info;
  const char *problem;
  record(&run, &scenarios[0], NULL, 0);
  cr_assert_eq(vlot_replay_open(&cluster, NULL, "hello, world", 12, &problem), VLOT_CORRUPT);
  cr_assert(problem && !cluster);
  cr_assert_eq(vlot_replay_open(&cluster, NULL, "", 0, &problem), VLOT_CORRUPT);
  cr_assert_eq(vlot_journal_read_info("vlotj", 5, &info), VLOT_CORRUPT);
  cr_assert(strstr(info.problem, "cut in its head"), "%s", info.problem);
  ok(vlot_journal_read_info(run.tape.bytes, run.tape.size, &info));
  cr_assert(info.format == VLOT_JOURNAL_FORMAT && info.nodes == 3 && info.seed == 7 &&
            !info.has_machine);
  cr_assert_str_eq(info.version, vlot_version_string());
  run.tape.bytes[8] = 9;
  cr_assert_eq(vlot_journal_read_info(run.tape.bytes, run.tape.size, &info), VLOT_UNSUPPORTED);
  cr_assert(strstr(info.problem, "version 9") && strstr(info.problem, "version 7"), "%s",
            info.problem);
  cr_assert_eq(vlot_replay_open(&cluster, NULL, run.tape.bytes, run.tape.size, &problem),
               VLOT_UNSUPPORTED);
  run.tape.bytes[8] = VLOT_JOURNAL_FORMAT;
  run.tape.bytes[40] ^= 1;
  cr_assert_eq(vlot_journal_read_info(run.tape.bytes, run.tape.size, &info), VLOT_CORRUPT);
  cr_assert(strstr(info.problem, "byte 16"), "%s", info.problem);
  taped_free(&run.tape);
}

Test(journal, cut_anywhere_it_is_replayed_up_to_there) {
  recorded run = {0};
  record(&run, &scenarios[1], NULL, 0);
  uint64_t before = 0;
  for (size_t size = 0; size < run.tape.size; size += 1 + run.tape.size / 211) {
    vlot_cluster *cluster;
    vlot_replay_status status;
    uint64_t done;
    /* a copy of its own, so that a byte too far is found */
    uint8_t *part = malloc(size + 1);
    memcpy(part, run.tape.bytes, size);
    part = realloc(part, size > 0 ? size : 1);
    vlot_result result = vlot_replay_open(&cluster, NULL, part, size, NULL);
    if (result == VLOT_OK) {
      ok(vlot_lockstep_step(cluster, UINT64_MAX, &done));
      ok(vlot_replay_get_status(cluster, &status));
      cr_assert(status.is_cut && status.is_finished && !status.has_diverged && status.text[0],
                "%zu: %s", size, status.text);
      cr_assert(status.bytes_whole <= size && status.actions >= before, "%zu", size);
      before = status.actions;
      ok(vlot_cluster_close(cluster));
    } else {
      cr_assert_eq(result, VLOT_CORRUPT);
      cr_assert_eq(before, 0);
    }
    free(part);
  }
  cr_assert_gt(before, 0);
  taped_free(&run.tape);
}

Test(journal, any_changed_byte_is_found) {
  recorded run = {0};
  char text[320];
  record(&run, &scenarios[0], NULL, 0);
  for (size_t at = 0; at < run.tape.size; at += 1 + run.tape.size / 307) {
    run.tape.bytes[at] ^= 0x10;
    const char *problem = taped_replay(&run.tape, NULL, NULL, text);
    cr_assert(problem[0], "byte %zu", at);
    run.tape.bytes[at] ^= 0x10;
  }
  cr_assert_str_empty(taped_replay(&run.tape, NULL, NULL, text), "%s", text);
  taped_free(&run.tape);
}

/* --- divergences --- */

/* The first record of a type behind a place: where it stands; 0. */
static size_t find_record(const taped *tape, size_t from, uint32_t type) {
  size_t at = VLOT__JOURNAL_FILE_HEAD;
  at += VLOT__JOURNAL_BLOCK_HEAD + vlot__get32(tape->bytes + at); /* the head */
  for (; at < tape->size; at += vlot__get32(tape->bytes + at))
    if (at > from && tape->bytes[at + 4] == type) return at;
  return 0;
}

static void expect_divergence(taped *tape, size_t changed, const char *words[3]) {
  vlot_cluster *cluster;
  vlot_replay_status status, again;
  uint64_t done;
  taped_mend(tape, changed);
  ok(vlot_replay_open(&cluster, NULL, tape->bytes, tape->size, NULL));
  cr_assert_eq(vlot_lockstep_step(cluster, UINT64_MAX, &done), VLOT_FAILED);
  ok(vlot_replay_get_status(cluster, &status));
  cr_assert(status.has_diverged && !status.is_finished, "%s", status.text);
  for (int k = 0; k < 3; k++)
    cr_assert(strstr(status.text, words[k]), "'%s' lacks '%s'", status.text, words[k]);
  cr_assert_eq(vlot_lockstep_step(cluster, 5, &done), VLOT_FAILED, "it stays there");
  ok(vlot_replay_get_status(cluster, &again));
  cr_assert(done == 0 && again.actions == status.actions);
  ok(vlot_cluster_close(cluster));
}

Test(journal, the_first_difference_is_named) {
  recorded run = {0};
  record(&run, &scenarios[1], NULL, 0);
  taped *tape = &run.tape;
  char node[16];
  /* what a node recovers */
  size_t at = find_record(tape, 0, VLOT__RECORD_START);
  tape->bytes[at + VLOT__JOURNAL_RECORD_HEAD + 24] ^= 1;
  expect_divergence(tape, at, (const char *[]){"n1", "recover", "term"});
  tape->bytes[at + VLOT__JOURNAL_RECORD_HEAD + 24] ^= 1;
  taped_mend(tape, at);
  /* what a machine is when its node is killed */
  at = find_record(tape, 0, VLOT__RECORD_KILL);
  tape->bytes[at + VLOT__JOURNAL_RECORD_HEAD + 20] ^= 1;
  snprintf(node, sizeof node, "n%u", tape->bytes[at + 6]);
  expect_divergence(tape, at, (const char *[]){node, "machine", "hash"});
  tape->bytes[at + VLOT__JOURNAL_RECORD_HEAD + 20] ^= 1;
  taped_mend(tape, at);
  /* who is killed */
  tape->bytes[at + 4] = VLOT__RECORD_CLOSE;
  expect_divergence(tape, at, (const char *[]){"n", "recorded", ""});
  tape->bytes[at + 4] = VLOT__RECORD_KILL;
  taped_mend(tape, at);
  /* whether a node had been kept from running: its timers go on otherwise */
  for (at = find_record(tape, 0, VLOT__RECORD_TURN); at != 0;
       at = find_record(tape, at, VLOT__RECORD_TURN))
    tape->bytes[at + 5] ^= 1, taped_mend(tape, at);
  at = find_record(tape, 0, VLOT__RECORD_TURN);
  expect_divergence(tape, at, (const char *[]){"turn", "incarnation", "recorded"});
  taped_free(tape);
}

/* --- recording --- */

Test(journal, a_sink_that_fails_ends_the_recording_and_not_the_run) {
  taped tape = {.fails_at = 2};
  vlot_writer sink = taped_sink(&tape);
  stage at = {0};
  vlot_cluster_options options;
  vlot_journal_status status;
  char text[320];
  vlot_cluster_options_init(&options);
  options.tick_ns = 500000;
  options.journal = &sink;
  ok(vlot_cluster_open(&at.cluster, &options, NULL));
  ok(vlot_client_open(&at.client, at.cluster, NULL));
  await_leader(&at);
  load(&at, 20);
  do {
    pass_ticks(&at, 50);
    ok(vlot_journal_get_status(at.cluster, &status));
  } while (status.is_on);
  cr_assert_eq(status.result, VLOT_IO);
  cr_assert_eq(status.written, tape.size);
  load(&at, 20);
  vlot_client_close(at.client);
  cr_assert_eq(vlot_cluster_close(at.cluster), VLOT_IO);
  cr_assert(strstr(taped_replay(&tape, NULL, NULL, text), "cut"), "%s", text);
  taped_free(&tape);
}

static vlot_result no_storage(void *context, uint32_t id, vlot_storage *storage) {
  (void)context, (void)id, (void)storage;
  return VLOT_IO;
}

Test(journal, what_cannot_be_recorded_is_refused_with_a_reason) {
  taped tape = {.fails_at = 1};
  vlot_writer sink = taped_sink(&tape), nothing = {0};
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_journal_status status;
  vlot_replay_status replay;
  const char *problem;
  vlot_cluster_options_init(&options);
  options.journal = &sink;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_IO,
               "the head cannot be written");
  options.driver = VLOT_DRIVER_LOCKSTEP;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_assert(strstr(problem, "lockstep"), "%s", problem);
  options.driver = VLOT_DRIVER_THREADS;
  options.open_storage = no_storage;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_assert(strstr(problem, "storage"), "%s", problem);
  options.open_storage = NULL;
  options.journal = &nothing;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  options.journal = NULL;
  ok(vlot_cluster_open(&cluster, &options, &problem));
  cr_assert_eq(vlot_journal_get_status(cluster, &status), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_replay_get_status(cluster, &replay), VLOT_UNSUPPORTED);
  ok(vlot_cluster_close(cluster));
  taped_free(&tape);
}

Test(journal, a_replay_has_the_disks_of_the_recorded_run) {
  taped tape = {0};
  vlot_writer sink = taped_sink(&tape);
  stage at = {0};
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_node_status then[3], now;
  vlot_cluster_options_init(&options);
  options.tick_ns = 500000;
  options.journal = &sink;
  ok(vlot_cluster_open(&at.cluster, &options, NULL));
  ok(vlot_client_open(&at.client, at.cluster, NULL));
  await_leader(&at);
  ok(vlot_cluster_restart(at.cluster, 2, VLOT_RESTART_WIPE));
  load(&at, 5);
  for (uint32_t id = 1; id <= 3; id++) ok(vlot_cluster_get_status(at.cluster, id, &then[id - 1]));
  vlot_client_close(at.client);
  ok(vlot_cluster_close(at.cluster));
  ok(vlot_replay_open(&cluster, NULL, tape.bytes, tape.size, NULL));
  ok(vlot_lockstep_step(cluster, UINT64_MAX, NULL));
  for (uint32_t id = 1; id <= 3; id++) {
    ok(vlot_cluster_get_status(cluster, id, &now));
    cr_expect_eq(now.disk_id, then[id - 1].disk_id, "n%u", id);
    cr_expect_neq(now.disk_id, then[id % 3].disk_id);
  }
  ok(vlot_cluster_close(cluster));
  taped_free(&tape);
}

Test(journal, a_machine_of_its_own_must_be_given_again) {
  taped tape = {0};
  vlot_writer sink = taped_sink(&tape);
  stage at = {0};
  vlot_cluster_options options;
  vlot_cluster *cluster;
  const char *problem;
  char text[320];
  vlot_cluster_options_init(&options);
  options.tick_ns = 500000;
  options.journal = &sink;
  options.machine = vlot_kv_machine();
  ok(vlot_cluster_open(&at.cluster, &options, NULL));
  ok(vlot_client_open(&at.client, at.cluster, NULL));
  await_leader(&at);
  load(&at, 5);
  vlot_client_close(at.client);
  ok(vlot_cluster_close(at.cluster));
  cr_assert_eq(vlot_replay_open(&cluster, NULL, tape.bytes, tape.size, &problem), VLOT_INVALID);
  cr_assert(strstr(problem, "machine"), "%s", problem);
  cr_assert_str_empty(taped_replay(&tape, &options, NULL, text), "%s", text);
  taped_free(&tape);
}

/* --- machines that are not as they should be --- */

typedef struct odd {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool must_block, is_blocked;
  bool is_moody; /* what it computes depends on who asks */
  uint64_t mood;
} odd;

typedef struct odd_state {
  odd *shared;
  uint64_t sum;
} odd_state;

static void *odd_create(void *context, uint32_t node, bool is_replaying) {
  odd_state *state = calloc(1, sizeof *state);
  state->shared = context;
  if (is_replaying && state->shared->is_moody) state->sum = node;
  return state;
}

static vlot_result odd_apply(void *context, const vlot_entry *commands, uint32_t count,
                             uint64_t first_index, vlot_replies *replies) {
  odd_state *state = context;
  odd *shared = state->shared;
  (void)commands, (void)replies;
  state->sum += count + first_index;
  pthread_mutex_lock(&shared->lock);
  while (shared->must_block) {
    shared->is_blocked = true;
    pthread_cond_broadcast(&shared->changed);
    pthread_cond_wait(&shared->changed, &shared->lock);
  }
  pthread_mutex_unlock(&shared->lock);
  return VLOT_OK;
}

static uint64_t odd_hash(void *context) { return ((odd_state *)context)->sum; }

static vlot_machine odd_machine(odd *shared) {
  return (vlot_machine){.size = sizeof(vlot_machine),
                        .name = "odd",
                        .context = shared,
                        .create = odd_create,
                        .apply = odd_apply,
                        .hash = odd_hash,
                        .destroy = free};
}

static void open_odd(stage *at, odd *shared, vlot_machine *machine, vlot_writer *sink,
                     vlot_cluster_options *options) {
  *machine = odd_machine(shared);
  vlot_cluster_options_init(options);
  options->tick_ns = 500000;
  options->nodes = 1;
  options->journal = sink;
  options->machine = machine;
  options->stop_ns = 20000000;
  ok(vlot_cluster_open(&at->cluster, options, NULL));
  ok(vlot_client_open(&at->client, at->cluster, NULL));
  await_leader(at);
}

Test(journal, a_machine_that_is_not_deterministic_is_found) {
  odd shared = {
      .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .is_moody = true};
  taped tape = {0};
  vlot_writer sink = taped_sink(&tape);
  vlot_machine machine;
  vlot_cluster_options options;
  stage at = {0};
  char text[320];
  open_odd(&at, &shared, &machine, &sink, &options);
  load(&at, 3);
  vlot_client_close(at.client);
  ok(vlot_cluster_close(at.cluster));
  taped_replay(&tape, &options, NULL, text);
  cr_assert(strstr(text, "n1") && strstr(text, "machine"), "%s", text);
  taped_free(&tape);
}

Test(journal, a_node_that_was_given_up_ends_the_replay) {
  odd shared = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
  taped tape = {0};
  vlot_writer sink = taped_sink(&tape);
  vlot_machine machine;
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_replay_status status;
  stage at = {0};
  uint64_t done;
  open_odd(&at, &shared, &machine, &sink, &options);
  load(&at, 3);
  pthread_mutex_lock(&shared.lock);
  shared.must_block = true;
  pthread_mutex_unlock(&shared.lock);
  ok(vlot_client_submit(at.client, &(vlot_command){.data = (const uint8_t *)"x", .size = 1}, 1,
                        NULL));
  pthread_mutex_lock(&shared.lock);
  while (!shared.is_blocked) pthread_cond_wait(&shared.changed, &shared.lock);
  pthread_mutex_unlock(&shared.lock);
  cr_assert_eq(vlot_cluster_kill(at.cluster, 1, false), VLOT_TIMEOUT);
  pthread_mutex_lock(&shared.lock);
  shared.must_block = false;
  pthread_cond_broadcast(&shared.changed);
  pthread_mutex_unlock(&shared.lock);
  ok(vlot_cluster_spawn(at.cluster, 1)); /* the run goes on */
  await_leader(&at);
  vlot_client_close(at.client);
  vlot_result closed = vlot_cluster_close(at.cluster);
  cr_assert(closed == VLOT_OK || closed == VLOT_TIMEOUT, "%s", vlot_result_text(closed));
  ok(vlot_replay_open(&cluster, &options, tape.bytes, tape.size, NULL));
  vlot_result result = vlot_lockstep_step(cluster, UINT64_MAX, &done);
  ok(vlot_replay_get_status(cluster, &status));
  cr_assert_eq(result, VLOT_OK, "%s", status.text);
  cr_assert(status.is_cut && status.is_finished && !status.has_diverged && done > 0);
  cr_assert(strstr(status.text, "n1 was stuck in user code"), "%s", status.text);
  ok(vlot_cluster_close(cluster));
  taped_free(&tape);
}

Test(journal, without_memory_a_replay_is_not_opened_or_says_so) {
  recorded run = {0};
  record(&run, &scenarios[0], NULL, 0);
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.allocator = vlot_fault_allocator_get(faults);
  vlot_result result = VLOT_NOMEM;
  uint64_t at = 1;
  for (; result != VLOT_OK; at++) {
    vlot_cluster *cluster;
    vlot_fault_allocator_fail_at(faults, at, false);
    result = vlot_replay_open(&cluster, &options, run.tape.bytes, run.tape.size, NULL);
    vlot_fault_allocator_fail_at(faults, 0, false);
    if (result == VLOT_OK)
      ok(vlot_cluster_close(cluster));
    else
      cr_assert_eq(result, VLOT_NOMEM);
    cr_assert_eq(vlot_fault_allocator_live(faults), 0);
  }
  cr_assert_gt(at, 10);
  vlot_fault_allocator_close(faults);
  taped_free(&run.tape);
}
