/* vlot/lint.h: what an expert would warn of. Settings are looked at when a cluster opens, the rest
 * while it runs: each is told once, as an event (VLOT_EVENT_LINT) and as a line of the cluster's
 * log, and again only when it has passed in between. Nothing is refused for it.
 */
#ifndef VLOT_LINT_H
#define VLOT_LINT_H

#include "vlot/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Name, number, word, sentence, advice. In the texts {value} and {other} are the lint's numbers,
 * {right} is made of them, {node} is whom it concerns. Below VLOT_LINT_RUNNING are settings.
 */
#define VLOT_LINTS(X)                                                                              \
  X(NARROW_TIMEOUTS, 1,                                                                            \
    "narrow_timeouts", /* value: election_ticks_min; other: election_ticks_max */                  \
    "election timeouts of {value} to {other} ticks are too close together: nodes time out at the " \
    "same time and split the vote",                                                                \
    "use an election_ticks_max of {right} or more")                                                \
  X(FIXED_TIMEOUTS, 2, "fixed_timeouts", /* value: election_ticks_min */                           \
    "random timeouts are off, and every node times out after {value} ticks: all at once, and the " \
    "vote is split again and again",                                                               \
    "switch VLOT_SWITCH_RANDOM_TIMEOUT on")                                                        \
  X(SLOW_HEARTBEAT, 3, "slow_heartbeat", /* value: heartbeat_ticks; other: election_ticks_min */   \
    "heartbeat_ticks {value} is at least half of the shortest election timeout {other}: one lost " \
    "heartbeat can cause an election",                                                             \
    "use at most {right}, or longer timeouts")                                                     \
  X(EVEN_VOTERS, 4, "even_voters", /* value: voters; other: their quorum */                        \
    "{value} voters need a quorum of {other}, and survive no more failures than {right} would",    \
    "use an odd number of voters")                                                                 \
  X(SINGLE_VOTER, 5, "single_voter", /* value: nodes */                                            \
    "there is one voter: while it is down nothing is committed, and with its disk everything is "  \
    "lost",                                                                                        \
    "use 3 voters or more")                                                                        \
  X(NO_PRE_VOTE, 6, "no_pre_vote", /* value: switches */                                           \
    "pre-vote is off while check-quorum is on: a node that was cut off comes back with a higher "  \
    "term and deposes a healthy leader",                                                           \
    "switch VLOT_SWITCH_PRE_VOTE on")                                                              \
  X(NO_CHECK_QUORUM, 7, "no_check_quorum", /* value: switches */                                   \
    "check-quorum is off while voters stick to their leader: one that can send but hears nobody "  \
    "leads for ever, and nothing is "                                                              \
    "committed",                                                                                   \
    "switch VLOT_SWITCH_CHECK_QUORUM on")                                                          \
  X(SHORT_TIMEOUTS, 8,                                                                             \
    "short_timeouts", /* value: election_ticks_min; other: the same in microseconds */             \
    "the shortest election timeout, {value} ticks, lasts {other} microseconds: a leader that "     \
    "waits for a core is taken for dead",                                                          \
    "use an election_ticks_min of {right} or more, or a longer tick_ns")                           \
  X(MAILBOX_GROWS, 32, "mailbox_grows", /* value: mails waiting; other: at the look before */      \
    "{value} messages wait for n{node}, and more come than it takes",                              \
    "send less, or see what keeps it")                                                             \
  X(NO_QUORUM_CONTACT, 33, "no_quorum_contact", /* value: term; other: election_ticks_min */       \
    "n{node} leads term {value}, and no quorum has answered it for {other} ticks: what it is "     \
    "asked stays without an answer",                                                               \
    "look at its links and at who is up, or switch VLOT_SWITCH_CHECK_QUORUM on")                   \
  X(FALLS_BEHIND, 34, "falls_behind", /* value: entries it lacks; other: what it has applied */    \
    "n{node} has applied up to {other}, which is {value} entries less than are committed, and "    \
    "falls further behind",                                                                        \
    "look at its machine, its disk and its links")                                                 \
  X(DISKS_LOST, 35, "disks_lost", /* value: voters on a lost disk; other: voters */                \
    "n{node}'s disk was lost, as those of {value} of {other} voters: blank ones do not count, "    \
    "and "                                                                                         \
    "no leader can be elected",                                                                    \
    "bring lost disks back, or begin anew with all of them blank")                                 \
  X(OUT_OF_MEMORY, 36, "out_of_memory", /* value: tick; other: nodes fenced for it by now */       \
    "memory ran out, and n{node} is fenced since tick {value}: it takes nothing any more",         \
    "give the process more memory (ulimit -v, memory.max), then restart n{node}")                  \
  X(SLOW_APPLY, 37, "slow_apply", /* value: ms it took; other: election_ticks_min in ms */         \
    "apply() of n{node}'s machine took {value} ms, and the shortest election timeout is {other} "  \
    "ms: a leader inside it is taken for dead, and a follower takes its own for dead",             \
    "do less in one apply() (apply_entries_max), or use longer timeouts")                          \
  X(SLOW_QUERY, 38, "slow_query", /* value: ms it took; other: election_ticks_min in ms */         \
    "query() of n{node}'s machine took {value} ms, and the shortest election timeout is {other} "  \
    "ms: a leader inside it is taken for dead, and a follower takes its own for dead",             \
    "do less in one query(), or use longer timeouts")                                              \
  X(SLOW_SNAPSHOT, 39, "slow_snapshot", /* value: ms it took; other: election_ticks_min in ms */   \
    "snapshot() of n{node}'s machine took {value} ms of its turn, and the shortest election "      \
    "timeout is {other} ms: a leader inside it is taken for dead, and a follower takes its own "   \
    "for dead",                                                                                    \
    "give the machine freeze(), so that it is written beside the turns, or use longer timeouts")   \
  X(LONG_LOG, 40, "long_log", /* value: MiB of it; other: its last index */                        \
    "the log of n{node} has {value} MiB, up to index {other}, and nothing of it is ever dropped: " \
    "no snapshots are taken",                                                                      \
    "give the machine snapshot() and restore(), the storage keep(), and set snapshot_bytes; or "   \
    "bound the log with raft.log_bytes_max")                                                       \
  X(NO_LEADER, 41, "no_leader", /* value: ticks; other: election_ticks_max */                      \
    "n{node} and the others have had no leader for {value} ticks, and an election takes some "     \
    "{other}: nothing is committed",                                                               \
    "vlot_cluster_why() says what is missing")                                                     \
  X(BLANK_DISK, 42, "blank_disk", /* value: voters on a blank disk; other: voters */               \
    "n{node}'s disk was lost or wiped, as those of {value} of {other} voters: it receives "        \
    "entries, but what it says does not count",                                                    \
    "bring its disk back before others are lost: without a quorum of them nobody can lead")        \
  X(DISK_FAILED, 43, "disk_failed", /* value: tick */                                              \
    "a write of n{node}'s disk failed (full, perhaps), and it is fenced since tick {value}",       \
    "see to its disk, then restart n{node}")                                                       \
  X(DISK_STALLED, 44, "disk_stalled", /* value: ticks; other: up to where it is durable */         \
    "n{node}'s disk has completed nothing for {value} ticks: its log is durable up to {other}, "   \
    "and what it would answer waits",                                                              \
    "see to its disk: a follower like that counts for nothing, and a leader commits nothing")      \
  X(SUSPENDED, 45, "suspended", /* value: voters that are suspended; other: voters */              \
    "n{node} is suspended, as are {value} of {other} voters: those that are left are no quorum, "  \
    "and nothing is committed",                                                                    \
    "resume them (vlot_cluster_resume())")

typedef enum vlot_lint_number {
#define VLOT_X(name, number, word, sentence, advice) VLOT_LINT_##name = number,
  VLOT_LINTS(VLOT_X)
#undef VLOT_X
      VLOT_LINT_NUMBERS,
  VLOT_LINT_RUNNING = 32, /* from here on: seen while it runs */
} vlot_lint_number;

typedef struct vlot_lint {
  uint32_t number; /* vlot_lint_number */
  uint32_t node;   /* whom it concerns; 0: all of the cluster */
  uint64_t value;  /* what the table says of this number */
  uint64_t other;  /* the same; 0 where it says nothing */
} vlot_lint;

/* The word of the table; "?" for an unknown number. Static. */
VLOT_API const char *vlot_lint_name(uint32_t number);

/* Sentence and advice, with the values in them; of an unknown number, that it is unknown.
 *
 * out      [capacity] ends in a 0 byte, cut where it is too long; NULL with capacity 0
 * returns  the length it has or would have without the 0, as snprintf
 */
VLOT_API size_t vlot_lint_text(const vlot_lint *lint, char *out, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
