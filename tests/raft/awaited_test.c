/* A core that is opened without a configuration waits for one: it votes, takes appends and never
 * campaigns. What it says counts where others' configuration names it.
 */
#include <criterion/criterion.h>

#include "basin.h"

static vlot_role role(const basin *b, uint32_t id) { return basin_status(b, id).role; }

/* n1 … n3, of whom n3 waits. */
static basin *with_one_waiting(void) {
  basin *b = basin_open(3, NULL);
  basin_preset_waiting(b, 3);
  return b;
}

Test(awaited, it_stands_in_no_configuration) {
  basin *b = with_one_waiting();
  basin_start(b, 3);
  vlot_raft_status status = basin_status(b, 3);
  cr_expect_eq(status.is_voter, 0);
  cr_expect_eq(status.role, VLOT_ROLE_FOLLOWER);
  basin_close(b);
}

Test(awaited, it_never_campaigns) {
  basin *b = with_one_waiting();
  basin_start(b, 3);
  basin_tick(b, 3, 500);
  cr_expect_eq(role(b, 3), VLOT_ROLE_FOLLOWER);
  cr_expect_eq(basin_status(b, 3).term, 0);
  cr_expect_eq(basin_in_flight(b, 0), NULL, "nobody was asked");
  vlot_outcome outcome = basin_campaign(b, 3);
  cr_expect_eq(outcome.result, VLOT_REJECTED);
  cr_expect_eq(outcome.why, VLOT_WHY_NOT_A_VOTER);
  outcome = basin_force_elect(b, 3);
  cr_expect_eq(outcome.result, VLOT_REJECTED);
  basin_close(b);
}

Test(awaited, it_votes_and_its_vote_counts_where_it_is_named) {
  basin *b = with_one_waiting();
  basin_start(b, 1);
  basin_start(b, 3); /* n2 is down: the quorum of three needs n3 */
  basin_make_leader(b, 1);
  cr_expect_eq(basin_status(b, 3).vote, 1);
  basin_close(b);
}

Test(awaited, a_disk_that_is_not_named_does_not_count_all_the_same) {
  basin *b = with_one_waiting();
  basin_preset_disk(b, 3, 77, 103);
  basin_start(b, 1);
  basin_start(b, 3);
  basin_run(b, 100);
  cr_expect_eq(basin_leader(b), 0, "n3 grants, from a disk that n1 does not count");
  basin_close(b);
}

Test(awaited, it_votes_once_per_term_and_only_for_a_log_up_to_date) {
  basin *b = with_one_waiting();
  basin_preset(b, 3, 4, 0, "1 1 4");
  basin_start(b, 3);
  basin_start(b, 1);
  vlot_message vote = basin_forge_vote(b, 1, 3, 5, 2, 1);
  basin_inject(b, &vote);
  cr_expect_eq(basin_status(b, 3).vote, 0, "its log is longer");
  vote = basin_forge_vote(b, 1, 3, 6, 3, 4);
  basin_inject(b, &vote);
  cr_expect_eq(basin_status(b, 3).vote, 1);
  vote = basin_forge_vote(b, 2, 3, 6, 3, 4);
  basin_inject(b, &vote);
  cr_expect_eq(basin_status(b, 3).vote, 1);
  basin_close(b);
}

Test(awaited, it_takes_appends_and_its_answers_commit_where_it_is_named) {
  basin *b = with_one_waiting();
  basin_start(b, 1);
  basin_start(b, 3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "a b c");
  basin_run(b, 5);
  cr_expect_str_eq(basin_applied(b, 1), "a b c");
  cr_expect_str_eq(basin_applied(b, 3), "a b c");
  basin_restart(b, 3);
  basin_propose(b, 1, "d");
  basin_run(b, 5);
  cr_expect_str_eq(basin_applied(b, 3), "a b c d");
  basin_close(b);
}

Test(awaited, all_of_them_waiting_elect_nobody) {
  basin *b = basin_open(3, NULL);
  for (uint32_t id = 1; id <= 3; id++) basin_preset_waiting(b, id);
  basin_start_all(b);
  basin_run(b, 300);
  cr_expect_eq(basin_leader(b), 0);
  for (uint32_t id = 1; id <= 3; id++) cr_expect_eq(basin_status(b, id).term, 0);
  basin_close(b);
}

Test(awaited, it_must_know_who_it_is) {
  vlot_raft_options options;
  vlot_raft *raft = NULL;
  const char *problem = NULL;
  vlot_raft_options_init(&options);
  cr_expect_eq(vlot_raft_open(&raft, &options, &problem), VLOT_INVALID);
  cr_expect_str_eq(problem, "id: 0 means none");
}
