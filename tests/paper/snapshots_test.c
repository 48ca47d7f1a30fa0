/* Bugs that other implementations had with snapshots (docs/catalogue.md), each as the shortest
 * schedule that shows it. What every test here relies on beside its own assertions: the laws of the
 * basin (basin_laws.c).
 */
#include <criterion/criterion.h>
#include <string.h>

#include "basin.h"

static basin *small_chunks(uint32_t count) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = 1;
  like.election_ticks_min = 10;
  like.election_ticks_max = 20;
  like.seed = 7;
  like.snapshot_chunk_bytes = 4;
  like.snapshot_window_bytes = 8;
  basin *b = basin_open(count, &like);
  basin_start_all(b);
  return b;
}

/* 1 leads, has committed [commands], and a snapshot of them; 3 has heard of none. */
static basin *behind(const char *commands) {
  basin *b = small_chunks(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 3);
  basin_propose(b, 1, commands);
  basin_run(b, 2);
  basin_snapshot(b, 1, 0);
  return b;
}

static const vlot_message *peek(const basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  const vlot_message *message = basin_peek(b, from, to, kind);
  cr_assert_not_null(message, "nothing of kind %u from %u to %u", kind, from, to);
  return message;
}

Test(exhibits, b066_term_base_and_commit_are_installed_in_one_write) {
  basin *b = behind("a b c");
  vlot_snapshot *snapshot = vlot_raft_snapshot(basin_core(b, 1));
  basin_crash(b, 3);
  basin_preset(b, 3, 0, 0, ""); /* wiped */
  basin_preset_disk(b, 3, 0, 103);
  basin_start(b, 3);
  basin_hold_disk(b, 3);
  vlot_message chunk =
      basin_forge_chunk(b, 1, 3, 1, snapshot, 0, (uint32_t)vlot_snapshot_get(snapshot)->size);
  basin_inject(b, &chunk);
  for (uint32_t writes = 0; writes < 4; writes++) { /* a crash after each write there is */
    basin_restart(b, 3);
    vlot_raft_status status = basin_status(b, 3);
    cr_assert(status.base_index == status.commit_index, "commit %llu and base %llu",
              (unsigned long long)status.commit_index, (unsigned long long)status.base_index);
    basin_inject(b, &chunk);
    basin_store_one(b, 3);
  }
  basin_release_disk(b, 3);
  basin_inject(b, &chunk);
  cr_assert_eq(basin_status(b, 3).commit_index, 4);
  basin_close(b);
}

Test(exhibits, b073_an_older_snapshot_does_not_overwrite_newer_state) {
  basin *b = behind("a b c");
  vlot_snapshot *old = vlot_snapshot_retain(vlot_raft_snapshot(basin_core(b, 1)));
  basin_heal(b);
  basin_propose(b, 1, "d e f");
  basin_run(b, 12);
  cr_assert_eq(basin_status(b, 3).commit_index, 7);
  vlot_message late = basin_forge_chunk(b, 1, 3, 1, old, 0, (uint32_t)vlot_snapshot_get(old)->size);
  basin_inject(b, &late);
  cr_assert_eq(basin_status(b, 3).commit_index, 7);
  cr_assert_str_eq(basin_applied(b, 3), "a b c d e f");
  const vlot_message *reply = peek(b, 3, 1, VLOT_MESSAGE_INSTALL_REPLY);
  cr_assert_eq(reply->flags, VLOT_MESSAGE_OK, "it is told that all of it is there");
  cr_assert_eq(reply->as.installed.match_index, 4);
  vlot_snapshot_release(old);
  basin_close(b);
}

Test(exhibits, b073_a_snapshot_that_appends_overtake_while_it_is_restored_is_let_go) {
  basin *b = small_chunks(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_hold_restore(b, 3);
  basin_isolate(b, 3);
  basin_propose(b, 1, "a b c");
  basin_run(b, 2);
  vlot_snapshot *snapshot = basin_image(b, 1); /* the log is kept */
  vlot_message whole =
      basin_forge_chunk(b, 1, 3, 1, snapshot, 0, (uint32_t)vlot_snapshot_get(snapshot)->size);
  basin_inject(b, &whole);
  cr_assert_not_null(basin_restoring(b, 3));
  basin_heal(b);
  basin_run(b, 5);
  cr_assert_eq(basin_status(b, 3).commit_index, 4);
  vlot_outcome outcome = basin_restored(b, 3, VLOT_OK);
  cr_assert_eq(outcome.result, VLOT_REJECTED);
  cr_assert_eq(outcome.why, VLOT_WHY_SNAPSHOT_STALE);
  cr_assert_str_eq(basin_applied(b, 3), "a b c");
  cr_assert_eq(basin_swaps(b, 3), 0);
  vlot_snapshot_release(snapshot);
  basin_close(b);
}

Test(exhibits, b074_a_local_snapshot_that_finishes_late_does_not_rewind_the_pointer) {
  basin *b = small_chunks(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  vlot_snapshot *slow = basin_image(b, 3); /* at 1, still being written */
  basin_isolate(b, 3);
  basin_propose(b, 1, "a b c");
  basin_run(b, 2);
  basin_snapshot(b, 1, 0);
  basin_heal(b);
  basin_run(b, 12);
  cr_assert_eq(basin_status(b, 3).snapshot_index, 4);
  vlot_outcome outcome = basin_take(b, 3, slow, 1);
  cr_assert_eq(outcome.result, VLOT_REJECTED);
  cr_assert_eq(outcome.why, VLOT_WHY_SNAPSHOT_STALE);
  cr_assert_eq(basin_status(b, 3).snapshot_index, 4);
  vlot_snapshot_release(slow);
  basin_close(b);
}

Test(exhibits, b075_a_suffix_behind_another_entry_is_not_kept) {
  basin *b = basin_open(3, NULL);
  basin_preset(b, 1, 3, 0, "1 3 3");
  basin_preset(b, 2, 3, 0, "1 3 3");
  basin_preset(b, 3, 2, 0, "1 2 2 2 2 2 2");
  basin_start(b, 1);
  basin_start(b, 2);
  basin_make_leader(b, 1); /* 4/T4 */
  basin_run(b, 2);
  basin_snapshot(b, 1, 0);
  basin_start(b, 3);
  basin_run(b, 12);
  cr_assert_eq(basin_status(b, 3).last_index, 4);
  cr_assert_eq(basin_status(b, 3).last_term, 4);
  cr_assert_eq(basin_changes(b, 3, VLOT_CHANGE_SNAPSHOT_INSTALLED), 1, "once, not for ever");
  cr_assert_eq(basin_progress(b, 1, 3).state, VLOT_PROGRESS_REPLICATE);
  basin_close(b);
}

Test(exhibits, b076_a_suffix_that_matches_is_kept_with_what_was_acknowledged) {
  basin *b = small_chunks(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "a b");
  basin_run(b, 2);
  vlot_snapshot *snapshot = basin_image(b, 1);
  basin_cut_both(b, 1, 2);
  basin_propose(b, 1, "c d");
  basin_deliver_all(b); /* committed by 1 and 3 */
  cr_assert_eq(basin_status(b, 1).commit_index, 5);
  vlot_message late =
      basin_forge_chunk(b, 1, 3, 1, snapshot, 0, (uint32_t)vlot_snapshot_get(snapshot)->size);
  basin_inject(b, &late);
  cr_assert_eq(basin_status(b, 3).last_index, 5);
  basin_crash(b, 1);
  basin_run(b, 30);
  cr_assert_eq(basin_leader(b), 3);
  basin_run(b, 3);
  cr_assert_str_eq(basin_applied(b, 3), "a b c d");
  vlot_snapshot_release(snapshot);
  basin_close(b);
}

Test(exhibits, b076_a_longer_log_does_not_refuse_the_snapshot_it_needs) {
  basin *b = basin_open(3, NULL);
  basin_preset(b, 1, 5, 0, "1 5");
  basin_preset(b, 2, 5, 0, "1 5");
  basin_preset(b, 3, 4, 0, "1 4 4 4 4 4 4 4 4 4 4");
  basin_start(b, 1);
  basin_start(b, 2);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_snapshot(b, 1, 0);
  basin_start(b, 3);
  basin_run(b, 12);
  cr_assert_eq(basin_status(b, 3).base_index, 3);
  cr_assert_eq(basin_status(b, 3).last_index, 3);
  basin_close(b);
}

static vlot_result try_open(const vlot_raft_options *like, vlot_raft **raft, const char **problem) {
  static const vlot_member members[] = {{.id = 1}, {.id = 2}, {.id = 3}};
  vlot_raft_options options = *like;
  options.id = 1;
  options.members = members;
  options.member_count = 3;
  return vlot_raft_open(raft, &options, problem);
}

Test(exhibits, b077_a_hole_between_snapshot_and_log_is_refused) {
  basin *b = basin_open(3, NULL);
  vlot_snapshot *snapshot = basin_forge_snapshot(b, 100, 2, "state");
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.hard.term = 3;
  options.base_index = 200; /* the log goes on behind one that cannot be read */
  options.base_term = 2;
  options.snapshot = snapshot;
  vlot_raft *raft = NULL;
  const char *problem = NULL;
  cr_assert_eq(try_open(&options, &raft, &problem), VLOT_INVALID);
  cr_assert_not_null(strstr(problem, "snapshot: below base_index"));
  options.base_index = 100; /* and another term than the log says is damage */
  options.base_term = 1;
  cr_assert_eq(try_open(&options, &raft, &problem), VLOT_INVALID);
  options.base_term = 2;
  options.hard.term = 1; /* (B005) */
  cr_assert_eq(try_open(&options, &raft, &problem), VLOT_INVALID);
  cr_assert_not_null(strstr(problem, "hard.term"));
  options.hard.term = 2;
  cr_assert_eq(try_open(&options, &raft, &problem), VLOT_OK);
  vlot_raft_close(raft);
  vlot_snapshot_release(snapshot);
  basin_close(b);
}

Test(exhibits, b078_the_configuration_in_force_is_the_snapshots_after_it_is_installed) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  vlot_member pair[] = {{.id = 1}, {.id = 3}};
  vlot_snapshot_head head = {.index = 9, .term = 1, .checksum = VLOT_SNAPSHOT_CHECKSUM};
  head.configuration = vlot_configuration_make(NULL, pair, 2, NULL, 0);
  vlot_bytes *nothing = vlot_bytes_copy(NULL, NULL, 0);
  vlot_snapshot *snapshot = vlot_snapshot_make(NULL, &head, nothing);
  basin_lawless(b);
  vlot_message chunk = basin_forge_chunk(b, 1, 3, 1, snapshot, 0, 0);
  basin_inject(b, &chunk);
  uint64_t index;
  cr_assert_eq(vlot_raft_configuration(basin_core(b, 3), &index), head.configuration);
  cr_assert_eq(index, 9);
  cr_assert_null(vlot_raft_configuration_at(basin_core(b, 3), 8));
  vlot_bytes_release(nothing);
  vlot_configuration_release(head.configuration);
  vlot_snapshot_release(snapshot);
  basin_close(b);
}

Test(exhibits, b080_proposals_below_an_installed_snapshot_do_not_linger) {
  basin *b = small_chunks(3);
  basin_make_leader(b, 3);
  basin_run(b, 2);
  basin_isolate(b, 3);
  basin_propose(b, 3, "p q r s t u v w"); /* 2 … 9: nobody else hears of them */
  basin_run(b, 30);
  uint32_t leader = basin_leader(b);
  cr_assert_neq(leader, 3);
  basin_propose(b, leader, "a b");
  basin_run(b, 2);
  basin_snapshot(b, leader, 0); /* at 4 */
  basin_heal(b);
  basin_run(b, 12);
  cr_assert_eq(basin_status(b, 3).base_index, 4);
  cr_assert_str_eq(basin_applied(b, 3), "a b");
  /* what stood behind the snapshot is lost for certain; of 2 … 4 nobody here can say */
  cr_assert_eq(basin_lost_count(b, 3), 1);
  cr_assert_eq(basin_lost(b, 3, 0).first, 5);
  cr_assert_eq(basin_lost(b, 3, 0).last, 9);
  basin_close(b);
}

Test(exhibits, b081_the_log_is_not_compacted_beyond_a_durable_snapshot) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "a b");
  basin_run(b, 2);
  vlot_snapshot *snapshot = basin_image(b, 1); /* at 3 */
  basin_propose(b, 1, "c d");
  basin_run(b, 2);
  cr_assert_eq(basin_take(b, 1, snapshot, 5).result, VLOT_OK);
  cr_assert_eq(basin_status(b, 1).base_index, 3, "no further than the snapshot");
  vlot_snapshot_release(snapshot);
  basin_hold_disk(b, 2);
  basin_propose(b, 1, "e");
  basin_run(b, 2);
  cr_assert_eq(basin_status(b, 2).applied_index, 6, "by the quorum's disks, not by its own");
  snapshot = basin_image(b, 2);
  cr_assert_eq(basin_take(b, 2, snapshot, 6).result, VLOT_INVALID);
  vlot_snapshot_release(snapshot);
  basin_close(b);
}

Test(exhibits, b082_an_aborted_transfer_leaves_nothing_behind) {
  basin *b = behind("alpha beta gamma delta");
  basin_by_wire(b);
  basin_heal(b);
  for (int tick = 0; tick < 10 && basin_status(b, 3).receives_offset == 0; tick++) {
    basin_tick(b, BASIN_ANY, 1);
    for (int k = 0; k < 3; k++) basin_deliver(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  }
  cr_assert_gt(basin_status(b, 3).receives_offset, 0);
  cr_assert_eq(basin_status(b, 3).is_installing, 0);
  vlot_message other = basin_forge(b, VLOT_MESSAGE_APPEND, 2, 3, 8); /* another leader */
  basin_lawless(b);
  basin_inject(b, &other);
  cr_assert_eq(basin_status(b, 3).receives_index, 0);
  basin_close(b);
}

Test(exhibits, b083_heartbeats_do_not_wait_for_chunks_and_chunks_count_as_contact) {
  basin *b = behind("alpha beta gamma delta");
  basin_heal(b);
  basin_cut(b, 3, 1); /* nothing comes back: the window is full and stays so */
  basin_run(b, 40);
  cr_assert_eq(basin_leader(b), 1);
  basin_heal(b);
  basin_crash(b, 2); /* 3, which receives, is all the quorum there is */
  basin_hold_restore(b, 3);
  basin_run(b, 40);
  cr_assert_eq(basin_leader(b), 1);
  cr_assert_eq(basin_status(b, 3).leader, 1);
  cr_assert_eq(basin_status(b, 3).is_installing, 1);
  basin_close(b);
}

/* What a storage leaves that does not write pointer and log at once. */
Test(exhibits, b085_a_log_that_is_not_its_snapshots_is_dropped_at_start_and_the_disk_is_told) {
  const char *const logs[] = {"1 1", "1 1 1 1 1 1", "1 1 2 2 2"};
  const uint64_t bases[] = {3, 3, 0}; /* behind it, of another term, and its own */
  for (size_t k = 0; k < sizeof logs / sizeof *logs; k++) {
    basin *b = basin_open(3, NULL);
    vlot_snapshot *snapshot = basin_forge_snapshot(b, 3, 2, "state");
    basin_preset(b, 1, 2, 0, logs[k]);
    basin_preset_snapshot(b, 1, snapshot, 0);
    basin_lawless(b);
    basin_start(b, 1);
    vlot_raft_status status = basin_status(b, 1);
    cr_assert_eq(status.base_index, bases[k]);
    cr_assert_eq(status.commit_index, 3);
    cr_assert_eq(status.last_index, bases[k] > 0 ? 3 : 5);
    basin_hold_disk(b, 1);
    basin_tick(b, 1, 1);
    cr_assert_eq(basin_pending_writes(b, 1), bases[k] > 0 ? 1 : 0);
    vlot_snapshot_release(snapshot);
    basin_close(b);
  }
}

Test(exhibits, b086_a_transfer_ends_with_the_leadership) {
  basin *b = behind("alpha beta gamma delta");
  vlot_snapshot *snapshot = vlot_snapshot_retain(vlot_raft_snapshot(basin_core(b, 1)));
  basin_heal(b);
  basin_cut(b, 3, 1);
  basin_run(b, 3);
  basin_heal(b);
  basin_tick(b, BASIN_ANY, 1);
  basin_deliver(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  basin_deliver(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  cr_assert_eq(basin_progress(b, 1, 3).state, VLOT_PROGRESS_SNAPSHOT);
  basin_step_down(b, 1);
  basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  basin_force_elect(b, 1);
  basin_deliver(b, 1, BASIN_ANY, VLOT_MESSAGE_VOTE);
  basin_deliver(b, BASIN_ANY, 1, VLOT_MESSAGE_VOTE_REPLY);
  cr_assert_lt(basin_progress(b, 1, 3).snapshot_acked, vlot_snapshot_get(snapshot)->size);
  basin_run(b, 12);
  cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta");
  vlot_snapshot_release(snapshot); /* the leak check says the rest */
  basin_close(b);
}
