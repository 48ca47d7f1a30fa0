/* What `why` names: disks, cuts, suspended nodes, clocks, reads, probes, orders; all of several
 * causes; and what is no longer known.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "scene.h"

enum { ACTIONS_MAX = 2000000 };

static vlot__workspace workspace;

static void begin(void) { vlot__workspace_init(&workspace, false, ACTIONS_MAX); }

static void end(void) { vlot__workspace_deinit(&workspace); }

/* Lines, one after the other; what the last of them says stays. */
static void say(const char *lines) {
  char line[128];
  for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n') {
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    vlot__text_clear(&workspace.out);
    cr_assert(vlot__command_run(&workspace, line), "%s: %s", line, workspace.problem.data);
  }
}

static void expect(const char *text) {
  cr_expect_not_null(strstr(workspace.out.data, text), "\"%s\" is not in\n%s", text,
                     workspace.out.data);
}

static void expect_none(const char *text) {
  cr_expect_null(strstr(workspace.out.data, text), "\"%s\" is in\n%s", text, workspace.out.data);
}

Test(why, names_slow_and_stalled_disks_and_since_when, .init = begin, .fini = end) {
  say("until leader\ntick 10\ndisk 1 delay 5\ndisk 2 stalled\npropose x=1\ntick 3\nwhy");
  expect("n1: known to store up to 1; n1's disk is slow since tick 28, up to 5 ticks for a write; "
         "its oldest write, w1, is done at tick 33");
  expect("n2: known to store up to 1; n2's disk is stalled since tick 28: nothing completes");
  expect_none("under way");
  say("why 2");
  expect("n2's disk is stalled since tick 28");
  say("tick 14\nwhy");
  expect("because n1 has made durable its log up to 2");
  expect("it is stored by n3 (tick 28), n1 (tick 33)");
  expect("and that is the beginning: a client asked");
  expect_none("it was told to");
}

Test(why, names_the_answer_that_a_cut_lost, .init = begin, .fini = end) {
  say("until leader\ntick 10\ncut 2 1 oneway\ncut 3 1 oneway\npropose x=1\ntick 3\nwhy");
  expect("n2: known to store up to 1; AppendReply #29 to n1 was lost at tick 28: the link is cut");
  expect("n3: known to store up to 1; AppendReply #28 to n1 was lost at tick 28: the link is cut");
}

/* A local read waits for no quorum, whoever else does. */
Test(why, tells_reads_that_wait_for_a_quorum_from_those_that_do_not, .init = begin, .fini = end) {
  vlot_client *client;
  say("until leader\ntick 10\nkill 2\nkill 3");
  cr_assert_eq(vlot_client_open(&client, workspace.cluster, NULL), VLOT_OK);
  cr_assert_eq(vlot_client_read(client, "x", 1, 1000, NULL), VLOT_OK);
  say("tick 1\nwhy");
  expect("waits until n1 has applied what it asks for; it has applied 1");
  expect_none("of the voters have");
  say("read x\nread y\ntick 1\nwhy");
  expect("3 reads wait: 2 until 2 of the voters have confirmed that n1 leads; "
         "1 until n1 has applied what it asks for; it has applied 1.");
  vlot_client_close(client);
}

Test(why, says_that_what_a_learner_stores_does_not_count, .init = begin, .fini = end) {
  say("nodes 4\nlearners 1\nuntil leader\nuntil quiet\nkill 2\nkill 3\npropose x=1\ntick 3\nwhy");
  expect("n4: known to store up to 2; it is a learner, which does not count");
}

Test(why, names_what_keeps_nodes_from_electing, .init = begin, .fini = end) {
  say("nodes 5\nuntil leader\ntick 10\nsuspend 2\nsuspend 3\nclock 4 0\nhold t5\ncut 4 1 oneway\n"
      "kill 1\nwhy");
  expect("n2 is suspended since tick 28: ");
  expect("('resume 2' lets it go on)");
  expect("n3 is suspended since tick 28: ");
  expect("n4's clock stands still: no timer of it fires");
  expect("n5's timer is held ('release t5' lets it go on)");
  expect("Cut: only n4 to n1.");
}

Test(why, names_the_read_that_waits_and_for_what, .init = begin, .fini = end) {
  say("until leader\ntick 10\nkill 2\nkill 3\nread x\nwhy");
  expect("A read of client 1 (its number 1, asked at tick 28) waits until 2 of the voters have "
         "answered something that n1 sent after it");
  expect("n2: AppendEntries #26 is under way; it is down");
}

Test(why, names_the_probe_that_entries_wait_behind, .init = begin, .fini = end) {
  say("until leader\nhold AppendEntries 1->2\npropose x=1\nwhy");
  expect("n2: known to store up to 0; AppendEntries #");
  expect("is held; until that is answered it is sent no other entries: n1 looks where the two logs "
         "agree");
}

Test(why, names_a_probe_that_is_ahead_of_what_a_follower_lacks, .init = begin, .fini = end) {
  say("start 1 term 2 log 1 1 2\nstart 2 term 2 log 1\nstart 3 term 2 log 1\nelect 1\n"
      "until leader\nhold AppendEntries\nwhy 1");
  expect("n2: known to store up to 0; entry 1 is not sent yet: n1 looks where the two logs agree, "
         "one message at a time: AppendEntries #");
}

Test(why, ends_at_an_order_that_was_obeyed, .init = begin, .fini = end) {
  say("elect 2\nuntil leader\nwhy 2 role");
  expect("because n2 takes the order elect");
  expect("and that is the beginning: it was told to");
  say("stepdown 2\ndeliver all\nwhy 2 role");
  expect("because n2 takes the order step_down");
}

Test(why, tells_every_vote_and_not_only_the_last_one, .init = begin, .fini = end) {
  say("nodes 5\nuntil leader\nwhy 1 role");
  expect("n1 becomes leader of term 1");
  const char *votes = strstr(workspace.out.data, "with what was granted by n1 (tick ");
  cr_assert_not_null(votes);
  cr_expect_not_null(strchr(votes, ','), "three of five, the own one among them");
}

/* --- disks that the configuration does not know --- */

Test(why, names_a_wiped_disk_wherever_it_counts, .init = begin, .fini = end) {
  say("until leader\nuntil commit 1 at 3\nuntil quiet\nrestart 3 wipe\nkill 2\npropose x=1\n"
      "read x at 1\ntick 4\nwhy 1");
  expect("entry 2 is not known to be stored by 2 voters whose disks the configuration knows");
  expect(
      "n3: known to store up to 2; its disk is not the one the configuration knows, since it was "
      "wiped at tick 19: what it says since then does not count");
  expect("so confirmed that n1 leads; 1 has so far, n1 among them");
  expect("n3: n1 has taken its AppendReply #30, which does not count; its disk is not");
  say("kill 1\nspawn 2\ntick 40\nwhy");
  expect(
      "there cannot be one: 1 of 3 voters runs with the disk that the configuration knows, and a "
      "leader needs the votes of 2");
  expect("n3: n2 has taken its PreVoteReply #36, which does not count; its disk is not the one");
  expect_none("too late");
  expect_none("that takes the votes of");
}

Test(why, counts_what_a_disk_stored_before_it_was_wiped, .init = begin, .fini = end) {
  say("nodes 5\nuntil leader\nuntil commit 1 at 5\nuntil quiet\ncut 1 2\ncut 1 3\ncut 1 4\n"
      "propose x=1\ntick 1\nrestart 5 wipe\nwhy 1");
  expect("entry 2 is not known to be stored by 3 voters\n");
  expect(
      "n5: known to store up to 2; its disk is not the one the configuration knows, since it was "
      "wiped");
}

/* What is told of the past is as it was then, also once the message that told it is forgotten. */
Test(why, a_later_wipe_does_not_change_who_was_counted, .init = begin, .fini = end) {
  say("until leader\npropose x=1\ntick 20\nrestart 3 wipe\nwhy 1 commit");
  expect("it is stored by n");
  expect_none("not counted");
  say("undo\nuntil quiet\ncut 1 3\nkill 3\ntick 200000\nspawn 3\nrestart 3 wipe\nwhy 1 commit");
  expect_none("not counted");
  say("why 3");
  expect(
      "n3's disk is not the one the configuration knows, since it was wiped at tick 200038: what "
      "it says since then does not count.");
}

Test(why, marks_who_stores_an_entry_and_is_not_counted, .init = begin, .fini = end) {
  say("nodes 4\nlearners 1\nuntil leader\nuntil commit 1 at 3\nuntil quiet\npropose x=1\n"
      "deliver AppendEntries 1->4\ndeliver AppendReply 4->1\ntick 1\nwhy 1 commit");
  expect("n4 (tick 19) [a learner: not counted]");
}

/* --- copies --- */

Test(why, tells_of_the_copy_that_came_furthest, .init = begin, .fini = end) {
  say("switches -prevote\ntimeout 1\nduplicate RequestVote 1->2");
  expect("Copied on its way from n1 to n2: RequestVote of term 1");
  say("drop 1\nwhy");
  expect("n2: RequestVote #3 is under way");
  say("hold 3\nwhy");
  expect("n2: RequestVote #3 is held");
  say("deliver 3\nwhy");
  expect("n2: VoteReply #4 is under way");
  say("duplicate 4\nduplicate 5\ndrop 4\ndrop 5\nwhy");
  expect("n2: VoteReply #6 is under way");
  say("drop 6\nwhy");
  expect("n2: VoteReply #4 to n1 was lost at tick 0: it was dropped on purpose (and so was each "
         "copy)");
}

Test(why, tells_of_a_links_copies_and_of_their_answers, .init = begin, .fini = end) {
  say("nodes 5\nswitches -prevote\nlink 1 2 duplicate 100\ntimeout 1\n"
      "deliver all RequestVote 1->2\nnet\ndrop 7\nwhy");
  expect("n2: VoteReply #6 is under way");
  say("drop 6\nwhy");
  expect("n2: VoteReply #");
  expect(" to n1 was lost at tick 0: it was dropped on purpose");
}

Test(why, a_copy_is_no_link_of_the_chain, .init = begin, .fini = end) {
  say("until leader\nuntil quiet\npropose x=1\nduplicate AppendEntries 1->2\n"
      "drop AppendEntries 1->2\ndeliver AppendEntries 1->2\nwhy 2 log");
  expect("n2 appends entry 2");
  expect("n1 appends entry 2 of term 1");
  expect_none("Copied");
  expect_none("n1 sends n2");
}

/* --- what has come counts, and what has not does not --- */

Test(why, counts_a_confirmation_that_has_come, .init = begin, .fini = end) {
  say("nodes 5\nuntil leader\nuntil commit 1 at 5\nuntil quiet\ntick 1\nread x at 1\n"
      "drop AppendEntries 1->3\ndrop AppendEntries 1->4\ndrop AppendEntries 1->5\n"
      "deliver AppendEntries 1->2\ndeliver AppendReply 2->1\ncut 1 3\ncut 1 4\ncut 1 5\n"
      "tick 2\nlink 1 2 loss 100\ntick 5\nwhy 1");
  expect("so confirmed that n1 leads; 2 have so far, n1 among them");
  expect("n2: has confirmed it: n1 took its AppendReply #38 at tick 20");
  expect("n3: AppendEntries #");
}

Test(why, does_not_count_an_own_vote_before_it_is_durable, .init = begin, .fini = end) {
  say("disk 1 delay 30\ntimeout 1\ndeliver PreVote 1->2\ndeliver PreVoteReply 2->1\nwhy");
  expect("n1 asks for votes in term 1: 0 of the 2 it needs");
  expect("n1: its own vote waits until n1's disk has completed a write: n1's disk is slow since "
         "tick 0, up to 30 ticks for a write; its oldest write, w1, is done at tick 30");
}

/* --- as it was --- */

Test(why, whoever_is_resumed_led_on, .init = begin, .fini = end) {
  say("until leader\nuntil commit 1 at 3\ntick 3\nsuspend 1\ntick 2\nresume 1\ntick 3\nkill 1\n"
      "why");
  expect("n1 led term 1. Then, at tick 27: n1 stops running: the node was killed");
  say("undo\nsuspend 1\ntick 2\nwhy");
  expect("n1 led term 1. Then, at tick 27: n1 is suspended");
  say("kill 1\nwhy");
  expect("n1 led term 1. Then, at tick 27: n1 is suspended");
}

Test(why, a_disk_is_stalled_since_it_was_said_first, .init = begin, .fini = end) {
  say("disk 1 stalled\ntick 10\ndisk 1 stalled delay 5\nwhy");
  expect("n1's disk is stalled since tick 0");
  say("disk 1 delay 5\nwhy");
  expect("n1's disk is slow since tick 10, up to 5 ticks");
  say("disk 1\ntick 2\ndisk 1 stalled\nwhy");
  expect("n1's disk is stalled since tick 12");
  say("disk 1 full\nwhy");
  expect("n1's disk is full since tick 12: its next write fails, and then it is fenced");
}

Test(why, names_the_end_of_the_life_that_took_something, .init = begin, .fini = end) {
  say("until leader\nuntil commit 1 at 3\nuntil quiet\npartition 1 2\npropose x=1 at 1\n"
      "disk 2 delay 9\ndeliver AppendEntries 1->2\nkill 2 power\ndisk 2\nspawn 2\nwhy 1");
  expect("n2: known to store up to 1; it took AppendEntries #18 at tick 19, and stopped running at "
         "tick 19, by a power cut, before it answered\n");
}

Test(why, whoever_is_fenced_is_told_as_that, .init = begin, .fini = end) {
  say("until leader\nuntil commit 1 at 3\ndisk 2 full\ndisk 3 full\npropose x=1\ntick 2\nwhy");
  expect("n2: known to store up to 1; it took AppendEntries #18 at tick 19, and was fenced at tick "
         "19: a storage write failed; it is fenced\n");
  expect_none("it is down");
  expect_none("took no notice");
  say("kill 1\nspawn 1\ntick 40\nwhy");
  expect("n2 is fenced since tick 19: a storage write failed ('restart 2' begins");
  expect("n2: PreVote #22 to n2 was lost at tick 40: the node is fenced; it is fenced");
}

/* The question of a quiet cluster, early and after so long that its history has forgotten. */
Test(why, has_the_same_answer_a_million_events_later, .init = begin, .fini = end) {
  char early[4096];
  say("switches -noop\nstart 1 term 1 log 1\nuntil leader 1\ntick 20\nwhy");
  expect("a quorum stores entry 1, but it is of term 1");
  expect("n1 becomes leader of term 2");
  snprintf(early, sizeof early, "%s", workspace.out.data);
  say("tick 200000\nwhy");
  cr_expect_str_eq(workspace.out.data, early);
  say("log");
  expect("1."); /* known to agree */
}

Test(why, says_that_something_is_no_longer_known, .init = begin, .fini = end) {
  say("until leader\npropose x=1\ntick 20\ntick 200000\nwhy 1 commit");
  expect("n1 knows entry 2 of term 1 as committed");
  expect("no longer known: of n1 the last ");
  expect_none("and that is the beginning");
}

/* n3 hears of it with an append that was made for another entry. */
Test(why, a_followers_commit_follows_from_its_leaders, .init = begin, .fini = end) {
  say("until leader\nuntil commit 1 at 3\nuntil quiet\ntick 4\npropose y=1\n"
      "deliver AppendEntries 1->2\ndeliver AppendReply 2->1\ntick 0\npropose z=1\n"
      "tick 0\nwhy 3 commit");
  expect("n3 knows entry 2 of term 1 as committed");
  expect("because n1 knows entry 2 of term 1 as committed");
  expect("it is stored by n");
  expect_none("appends entry 3");
}

Test(why, a_no_op_follows_from_the_leadership, .init = begin, .fini = end) {
  say("until leader\nwhy 1 log");
  expect("because n1 becomes leader of term 1: a quorum granted its votes");
  expect("with what was granted by n1 (tick ");
  say("until commit 1 at 2\nwhy 2 log");
  expect("n2 appends entry 1 of term 1");
  expect("because n1 becomes leader of term 1: a quorum granted its votes");
}

Test(why, silence_is_no_heartbeat, .init = begin, .fini = end) {
  say("until leader\nuntil commit 1 at 3\nuntil quiet\ntick 1\npropose x=1\n"
      "drop all AppendEntries\ntimers");
  expect("n1  in 2 ticks  asks who does not answer");
  say("tick 2\nwhy 2 log");
  expect("and that is the beginning: n1's timer fired: n2 had not answered what it was sent");
}

/* The timer is that of what it passed on, and firing it does that. */
Test(why, a_timer_that_forwards_again_is_no_election, .init = begin, .fini = end) {
  say("until leader\nuntil commit 1 at 3\nuntil quiet\ntick 1\ncut 2 1\npropose x=1 at 2");
  expect("Dropped on its way from n2 to n1: a forwarded command of client 2: the link is cut");
  say("timers");
  expect("n2  in 2 ticks  forwards again");
  say("why 2");
  expect("Waits: client 2's command, its number 1: forward #");
  expect("was lost at tick 20: the link is cut; it goes again at tick 22.");
  say("fire t2\nevents 2 6");
  expect("n2's timer is made to fire before its time (forwards again)");
  expect_none("pre-candidate");
}

Test(why, names_what_a_person_did_to_timers_and_leaders, .init = begin, .fini = end) {
  say("until leader\nuntil commit 1 at 3\nuntil quiet\nforget 2\nwhy 2");
  expect("n2 knows no leader any more in term 1: it was told to forget its leader");
  expect("because n2 takes the order forget_leader");
  say("timeout 3\nwhy 3");
  expect("its timer was made to fire before its time");
  expect("because n3's timer is made to fire before its time (election timeout)");
  expect_none("no word from a leader");
}

/* --- a broken property shows at the prompt --- */

static uint64_t drifting_hash(void *state) {
  static _Atomic uint64_t drift;
  (void)state;
  return 1 + atomic_fetch_add(&drift, 1);
}

Test(why, a_violation_stops_and_is_told_at_the_prompt, .init = begin, .fini = end) {
  vlot_machine machine = *vlot_kv_machine();
  machine.hash = drifting_hash;
  workspace.options.machine = &machine;
  workspace.options.has_checker = 1;
  vlot__text_clear(&workspace.out);
  (void)vlot__command_run(&workspace, "step 10000");
  vlot__workspace_drain(&workspace, true);
  expect("Broken: R-1 at n");
  cr_expect_lt(vlot__workspace_actions(&workspace), 1000, "it stops there");
}
