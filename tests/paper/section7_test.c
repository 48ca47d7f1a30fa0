/* Section 7 of the paper, log compaction, and figure 13, InstallSnapshot: a test per sentence. What
 * every test here relies on beside its own assertions: the laws of the basin (basin_laws.c).
 */
#include <criterion/criterion.h>
#include <string.h>

#include "basin.h"

/* Chunks of 4 bytes, two of them in flight. */
static basin *small_chunks(uint32_t count) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = 1;
  like.election_ticks_min = 10;
  like.election_ticks_max = 20;
  like.seed = 7;
  like.snapshot_chunk_bytes = 4;
  like.snapshot_window_bytes = 8;
  return basin_open(count, &like);
}

/* 1 leads and has a snapshot at 5, with nothing kept below it; 3 has heard of none of it. */
static basin *behind(void) {
  basin *b = small_chunks(3);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 3);
  basin_propose(b, 1, "alpha beta gamma delta");
  basin_run(b, 2);
  cr_assert_eq(basin_status(b, 1).commit_index, 5);
  basin_snapshot(b, 1, 0);
  cr_assert_eq(basin_status(b, 1).base_index, 5);
  return b;
}

/* … and 3 is reachable again, and known to need it. */
static basin *needing(void) {
  basin *b = behind();
  basin_heal(b);
  for (int tick = 0; tick < 10; tick++) {
    basin_tick(b, BASIN_ANY, 1);
    while (basin_deliver(b, BASIN_ANY, BASIN_ANY, BASIN_ANY) > 0)
      if (basin_progress(b, 1, 3).state == VLOT_PROGRESS_SNAPSHOT) return b;
  }
  cr_assert_fail("it is never sent a snapshot");
  return b;
}

static const vlot_message *peek(const basin *b, uint32_t from, uint32_t to, uint32_t kind) {
  const vlot_message *message = basin_peek(b, from, to, kind);
  cr_assert_not_null(message, "nothing of kind %u from %u to %u", kind, from, to);
  return message;
}

/* --- log compaction --------------------------------------------------------------------------- */

Test(compaction, each_server_takes_snapshots_independently_covering_just_committed_entries) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x y");
  basin_run(b, 2);
  basin_snapshot(b, 2, 0);
  cr_assert_eq(basin_status(b, 2).snapshot_index, 3);
  cr_assert_eq(basin_status(b, 2).base_index, 3);
  cr_assert_eq(basin_status(b, 1).base_index, 0);
  cr_assert_eq(basin_change(b, 2, VLOT_CHANGE_SNAPSHOT_TAKEN).to, 3);
  cr_assert_eq(basin_change(b, 2, VLOT_CHANGE_COMPACTED).to, 3);
  basin_hold_machine(b, 1);
  basin_propose(b, 1, "z");
  basin_run(b, 2);
  vlot_snapshot *early = basin_forge_snapshot(b, 4, 1, "x y z"); /* committed, and not applied */
  cr_assert_eq(basin_take(b, 1, early, 4).result, VLOT_INVALID);
  vlot_snapshot_release(early);
  early = basin_forge_snapshot(b, 5, 1, "x y z !"); /* not even there */
  cr_assert_eq(basin_take(b, 1, early, 5).result, VLOT_INVALID);
  vlot_snapshot_release(early);
  basin_close(b);
}

Test(compaction, the_log_goes_on_behind_the_last_included_index_and_term) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x y");
  basin_run(b, 2);
  for (uint32_t id = 1; id <= 3; id++) basin_snapshot(b, id, 0);
  basin_propose(b, 1, "z"); /* its previous entry is the snapshot's last one */
  basin_run(b, 2);
  cr_assert_eq(basin_progress(b, 1, 2).state, VLOT_PROGRESS_REPLICATE);
  cr_assert_eq(basin_count(b, 1, BASIN_ANY, VLOT_MESSAGE_INSTALL), 0);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_str_eq(basin_applied(b, id), "x y z");
  basin_close(b);
}

Test(compaction, the_snapshot_has_the_configuration_as_of_the_last_included_index) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  vlot_snapshot *image = basin_image(b, 1);
  cr_assert_eq(vlot_snapshot_get(image)->configuration,
               vlot_raft_configuration_at(basin_core(b, 1), 1));
  vlot_snapshot_release(image);
  cr_assert_null(vlot_raft_configuration_at(basin_core(b, 1), 2), "there is no such entry");
  vlot_member alone = {.id = 1};
  vlot_snapshot_head head = {.index = 1, .term = 1, .checksum = VLOT_SNAPSHOT_CHECKSUM};
  head.configuration = vlot_configuration_make(NULL, &alone, 1, NULL, 0);
  vlot_bytes *nothing = vlot_bytes_copy(NULL, NULL, 0);
  image = vlot_snapshot_make(NULL, &head, nothing);
  cr_assert_eq(basin_take(b, 1, image, 1).result, VLOT_INVALID, "it is another one");
  vlot_bytes_release(nothing);
  vlot_configuration_release(head.configuration);
  vlot_snapshot_release(image);
  basin_close(b);
}

Test(compaction, trailing_entries_spare_a_slow_follower_the_snapshot) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 3);
  basin_propose(b, 1, "a b c d");
  basin_run(b, 2);
  basin_snapshot(b, 1, 4); /* at 5: 2 … 5 are kept */
  cr_assert_eq(basin_status(b, 1).base_index, 1);
  cr_assert_eq(basin_status(b, 1).snapshot_index, 5);
  basin_heal(b);
  basin_run(b, 3);
  cr_assert_str_eq(basin_applied(b, 3), "a b c d");
  cr_assert_eq(basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT), 0);
  basin_close(b);
}

Test(compaction, a_follower_that_lags_behind_what_was_discarded_is_sent_the_snapshot) {
  basin *b = behind();
  basin_heal(b);
  basin_run(b, 12);
  cr_assert_eq(basin_status(b, 3).base_index, 5);
  cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta");
  cr_assert_eq(basin_swaps(b, 3), 1);
  cr_assert_eq(basin_progress(b, 1, 3).state, VLOT_PROGRESS_REPLICATE);
  vlot_change installed = basin_change(b, 3, VLOT_CHANGE_SNAPSHOT_INSTALLED);
  cr_assert_eq(installed.peer, 1);
  cr_assert_eq(installed.from, 1);
  cr_assert_eq(installed.to, 5);
  basin_propose(b, 1, "omega");
  basin_run(b, 2);
  cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta omega");
  cr_assert_eq(basin_changes(b, 3, VLOT_CHANGE_SNAPSHOT_INSTALLED), 1);
  basin_restart(b, 3);
  cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta");
  basin_run(b, 3);
  cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta omega");
  basin_close(b);
}

Test(compaction, a_snapshot_that_comes_by_the_codec_is_the_same) {
  basin *b = behind();
  basin_by_wire(b);
  basin_heal(b);
  basin_run(b, 12);
  cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta");
  vlot_snapshot *mine = basin_disk_snapshot(b, 3);
  cr_assert_neq(mine, basin_disk_snapshot(b, 1));
  cr_assert_eq(vlot_snapshot_verify(mine), VLOT_OK);
  basin_close(b);
}

Test(compaction, within_the_process_it_is_the_same_object) {
  basin *b = behind();
  basin_heal(b);
  basin_run(b, 12);
  cr_assert_eq(basin_disk_snapshot(b, 3), basin_disk_snapshot(b, 1));
  basin_close(b);
}

/* --- figure 13 -------------------------------------------------------------------------------- */

Test(figure_13, rule_1_replies_immediately_if_the_term_is_old) {
  basin *b = needing();
  vlot_snapshot *snapshot = vlot_raft_snapshot(basin_core(b, 1));
  vlot_message ahead = basin_forge(b, VLOT_MESSAGE_APPEND, 2, 3, 9);
  basin_inject(b, &ahead);
  basin_drop(b, 3, BASIN_ANY, BASIN_ANY);
  vlot_message chunk = basin_forge_chunk(b, 1, 3, 1, snapshot, 0, 4);
  basin_lawless(b);
  basin_inject(b, &chunk);
  const vlot_message *reply = peek(b, 3, 1, VLOT_MESSAGE_INSTALL_REPLY);
  cr_assert_eq(reply->why, VLOT_WHY_STALE_TERM);
  cr_assert_eq(reply->term, 9);
  cr_assert_eq(basin_status(b, 3).receives_index, 0);
  basin_close(b);
}

Test(figure_13, rules_2_to_4_chunks_are_put_together_at_their_offsets_until_all_are_there) {
  basin *b = behind();
  vlot_snapshot *snapshot = vlot_raft_snapshot(basin_core(b, 1));
  uint64_t size = vlot_snapshot_get(snapshot)->size; /* 22 */
  const uint64_t order[] = {8, 0, 20, 4, 16};        /* 12 comes last */
  for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
    uint32_t length = order[k] + 4 <= size ? 4 : (uint32_t)(size - order[k]);
    vlot_message chunk = basin_forge_chunk(b, 1, 3, 1, snapshot, order[k], length);
    basin_inject(b, &chunk);
    basin_inject(b, &chunk); /* repeated: the same */
    const vlot_message *reply = peek(b, 3, 1, VLOT_MESSAGE_INSTALL_REPLY);
    cr_assert_eq(reply->why, VLOT_WHY_SNAPSHOT_PARTIAL);
    cr_assert_eq(reply->as.installed.offset, k < 1 ? 0 : k < 3 ? (k == 1 ? 4 : 4) : 12);
    cr_assert_eq(reply->as.installed.limit, k < 1 ? 8 : k < 3 ? 8 : k == 3 ? 20 : 16);
  }
  cr_assert_eq(basin_status(b, 3).receives_offset, 12);
  cr_assert_eq(basin_status(b, 3).is_installing, 0);
  vlot_message last = basin_forge_chunk(b, 1, 3, 1, snapshot, 12, 4);
  basin_inject(b, &last);
  cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta");
  basin_close(b);
}

Test(figure_13, rule_5_a_newer_snapshot_takes_the_place_of_a_partial_one) {
  basin *b = behind();
  vlot_snapshot *old = basin_forge_snapshot(b, 4, 1, "alpha beta gamma");
  vlot_snapshot *snapshot = vlot_raft_snapshot(basin_core(b, 1));
  vlot_message chunk = basin_forge_chunk(b, 1, 3, 1, old, 0, 4);
  basin_inject(b, &chunk);
  cr_assert_eq(basin_status(b, 3).receives_index, 4);
  vlot_message newer = basin_forge_chunk(b, 1, 3, 1, snapshot, 4, 4);
  basin_inject(b, &newer);
  cr_assert_eq(basin_status(b, 3).receives_index, 5);
  cr_assert_eq(basin_status(b, 3).receives_offset, 0);
  basin_inject(b, &chunk); /* and a late chunk of the old one changes nothing */
  cr_assert_eq(basin_status(b, 3).receives_index, 5);
  cr_assert_eq(basin_change(b, 3, VLOT_CHANGE_IGNORED).why, VLOT_WHY_SNAPSHOT_STALE);
  vlot_snapshot_release(old);
  basin_close(b);
}

Test(figure_13, rule_6_an_entry_with_the_same_index_and_term_keeps_what_follows) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "a b");
  basin_run(b, 2);
  basin_propose(b, 1, "c");
  basin_deliver(b, 1, 3,
                VLOT_MESSAGE_APPEND); /* 3 has 4, and does not know that 3 … are committed */
  vlot_snapshot *snapshot = basin_forge_snapshot(b, 3, 1, "a b");
  vlot_message chunk = basin_forge_chunk(b, 1, 3, 1, snapshot, 0, 1);
  basin_drop(b, 3, BASIN_ANY, BASIN_ANY);
  basin_inject(b, &chunk);
  cr_assert_eq(basin_status(b, 3).last_index, 4);
  cr_assert_eq(basin_status(b, 3).base_index, 0);
  const vlot_message *reply = peek(b, 3, 1, VLOT_MESSAGE_INSTALL_REPLY);
  cr_assert_eq(reply->flags, VLOT_MESSAGE_OK);
  cr_assert_eq(reply->as.installed.match_index, 3);
  cr_assert_null(basin_restoring(b, 3));
  vlot_snapshot_release(snapshot);
  basin_close(b);
}

Test(figure_13, rule_7_without_it_the_entire_log_is_discarded) {
  basin *b = basin_open(3, NULL);
  basin_preset(b, 3, 1, 0, "1 1 1 1 1 1 1 1"); /* of a leader that was never heard of again */
  basin_preset(b, 1, 2, 0, "2 2");
  basin_preset(b, 2, 2, 0, "2 2");
  basin_start(b, 1);
  basin_start(b, 2);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x y");
  basin_run(b, 2);
  basin_snapshot(b, 1, 0);
  basin_start(b, 3);
  basin_run(b, 12);
  cr_assert_eq(basin_status(b, 3).base_index, 5);
  cr_assert_eq(basin_status(b, 3).last_index, 5);
  cr_assert_eq(basin_status(b, 3).last_term, 3);
  basin_close(b);
}

Test(figure_13, rule_8_the_machine_is_reset_and_the_configuration_is_the_snapshots) {
  basin *b = basin_open(3, NULL);
  basin_preset_waiting(b, 3); /* it knows nobody */
  basin_start(b, 1);
  basin_start(b, 2);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "x y");
  basin_run(b, 2);
  basin_snapshot(b, 1, 0);
  basin_start(b, 3);
  cr_assert_eq(basin_status(b, 3).is_voter, 0);
  basin_run(b, 12);
  cr_assert_str_eq(basin_applied(b, 3), "x y");
  cr_assert_eq(basin_status(b, 3).is_voter, 1);
  cr_assert_eq(basin_status(b, 3).quorum, 2);
  uint64_t index;
  uint32_t count;
  vlot_configuration *now = vlot_raft_configuration(basin_core(b, 3), &index);
  cr_assert_eq(index, 3);
  cr_assert_not_null(vlot_configuration_members(now, &count));
  cr_assert_eq(count, 3);
  basin_isolate(b, 1); /* it can lead by it */
  basin_run(b, 30);
  basin_force_elect(b, 3);
  basin_deliver_all(b);
  cr_assert_eq(basin_leader(b), 3);
  basin_close(b);
}

/* --- what the installing follower goes on doing ----------------------------------------------- */

Test(installing, a_follower_hears_heartbeats_votes_and_appends_meanwhile) {
  basin *b = behind();
  basin_hold_restore(b, 3);
  basin_heal(b);
  basin_run(b, 30);
  cr_assert_eq(basin_status(b, 3).is_installing, 1);
  cr_assert_eq(basin_status(b, 3).leader, 1, "it heard it all the time");
  cr_assert_eq(basin_leader(b), 1, "which counts it as contact (B083)");
  basin_cut_both(b, 1, 2);
  basin_run(b, 30);
  cr_assert_eq(basin_leader(b), 1, "even where it alone makes the quorum");
  basin_heal(b);
  basin_run(b, 2);
  basin_snapshot(b, 2, 0); /* the next leader has not got the entries either */
  basin_isolate(b, 1);
  basin_run(b, 40);
  cr_assert_eq(basin_leader(b), 2, "it votes");
  cr_assert_str_eq(basin_applied(b, 3), "");
  cr_assert_eq(basin_restored(b, 3, VLOT_OK).result, VLOT_OK);
  cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta");
  basin_run(b, 5);
  cr_assert_eq(basin_status(b, 3).last_index, basin_status(b, 2).last_index);
  basin_close(b);
}

Test(installing, the_order_is_restore_write_durable_swap_acknowledge) {
  basin *b = behind();
  basin_hold_restore(b, 3);
  basin_heal(b);
  basin_run(b, 12);
  cr_assert_not_null(basin_restoring(b, 3));
  basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  basin_hold_disk(b, 3);
  cr_assert_eq(basin_restored(b, 3, VLOT_OK).result, VLOT_OK);
  cr_assert_eq(basin_pending_writes(b, 3), 1, "one write");
  cr_assert_eq(basin_swaps(b, 3), 0);
  cr_assert_null(basin_peek(b, 3, 1, VLOT_MESSAGE_INSTALL_REPLY));
  vlot_message heartbeat = basin_forge_append(b, 1, 3, 1, 5, 1, 5, "");
  basin_inject(b, &heartbeat); /* its previous entry is the base, which is not durable */
  cr_assert_leq(peek(b, 3, 1, VLOT_MESSAGE_APPEND_REPLY)->as.reply.match_index, 1);
  vlot_message entry = basin_forge_append(b, 1, 3, 1, 5, 1, 5, "1");
  basin_lawless(b);
  basin_inject(b, &entry);
  cr_assert_eq(basin_pending_writes(b, 3), 2);
  basin_store_one(b, 3);
  cr_assert_eq(basin_swaps(b, 3), 1);
  const vlot_message *reply = peek(b, 3, 1, VLOT_MESSAGE_INSTALL_REPLY);
  cr_assert_eq(reply->flags, VLOT_MESSAGE_OK);
  cr_assert_eq(reply->as.installed.match_index, 5);
  basin_close(b);
}

Test(installing, a_crash_before_the_write_leaves_the_old_state_and_after_it_the_new_one) {
  for (int is_stored = 0; is_stored < 2; is_stored++) {
    basin *b = behind();
    basin_hold_restore(b, 3);
    basin_heal(b);
    basin_run(b, 12);
    basin_hold_disk(b, 3);
    (void)basin_restored(b, 3, VLOT_OK);
    if (is_stored) basin_store_one(b, 3);
    basin_restart(b, 3);
    cr_assert_eq(basin_status(b, 3).base_index, is_stored ? 5 : 0);
    cr_assert_eq(basin_status(b, 3).commit_index, is_stored ? 5 : 0);
    cr_assert_str_eq(basin_applied(b, 3), is_stored ? "alpha beta gamma delta" : "");
    basin_release_disk(b, 3);
    basin_run(b, 1);
    if (basin_restoring(b, 3)) (void)basin_restored(b, 3, VLOT_OK);
    for (int tick = 0; tick < 30 && basin_status(b, 3).commit_index < 5; tick++) {
      basin_run(b, 1);
      if (basin_restoring(b, 3)) (void)basin_restored(b, 3, VLOT_OK);
    }
    cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta");
    basin_close(b);
  }
}

Test(installing, nothing_is_applied_between_the_restore_and_the_swap) {
  basin *b = behind();
  basin_hold_restore(b, 3);
  basin_heal(b);
  basin_run(b, 12);
  cr_assert_eq(basin_status(b, 3).is_installing, 1);
  basin_propose(b, 1, "omega");
  basin_run(b, 3);
  basin_hold_disk(b, 3);
  (void)basin_restored(b, 3, VLOT_OK);
  basin_run(b, 3);
  cr_assert_eq(basin_status(b, 3).commit_index, 5);
  cr_assert_str_eq(basin_applied(b, 3), "", "the old machine");
  basin_release_disk(b, 3);
  basin_run(b, 3);
  cr_assert_str_eq(basin_applied(b, 3), "alpha beta gamma delta omega");
  basin_close(b);
}
