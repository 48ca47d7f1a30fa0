/* The command table. A verb added here exists everywhere. */
#include "verbs.h"

#define PATTERN                                                                                    \
  {                                                                                                \
    "WHAT", NULL, VLOT__PARAMETER_REST, false, 0, 0,                                               \
        "an id, or [all] [KIND] [A->B]: KIND as AppendEntries, client, timer, write; * for any "   \
        "node"                                                                                     \
  }
#define NODE                                                                                       \
  { "NODE", NULL, VLOT__PARAMETER_NODE, false, 0, 0, NULL }
#define LATER                                                                                      \
  {                                                                                                \
    "LATER", "later", VLOT__PARAMETER_FLAG, true, 0, 0, "when its turn comes, as any other message" \
  }
#define AT                                                                                         \
  { "NODE", "at", VLOT__PARAMETER_NODE, true, 0, 0, NULL }
#define PERCENT(keyword)                                                                           \
  { "PERCENT", keyword, VLOT__PARAMETER_NUMBER, true, 0, 100, NULL }

/* clang-format off */
const vlot__command vlot__commands[] = {
    /* setting up */
    {.name = "nodes", .summary = "Say how many nodes the cluster has, 3 unless said; without a number, show them", .example = "5",
     .needs_nothing = true, .run = vlot__verbs_nodes,
     .parameters = {{"N", NULL, VLOT__PARAMETER_NUMBER, true, 1, VLOT__SESSION_NODES_MAX, NULL}}},
    {.name = "learners", .summary = "Make the last nodes learners, which have no vote", .example = "1",
     .is_setup = true, .run = vlot__verbs_learners,
     .parameters = {{"N", NULL, VLOT__PARAMETER_NUMBER, false, 0, VLOT__SESSION_NODES_MAX, NULL}}},
    {.name = "seed", .summary = "Set the seed of all that is random; the same seed gives the same run", .example = "7",
     .is_setup = true, .run = vlot__verbs_seed,
     .parameters = {{"S", NULL, VLOT__PARAMETER_NUMBER, false, 0, UINT64_MAX, NULL}}},
    {.name = "start", .summary = "Set where a node begins: its term, its vote, and the terms of its log's entries",
     .example = "2 term 3 vote 1 log 1 1 2 3", .is_setup = true, .run = vlot__verbs_start,
     .parameters = {NODE,
                    {"TERM", "term", VLOT__PARAMETER_NUMBER, true, 0, VLOT_INDEX_MAX - 1, NULL},
                    {"VOTE", "vote", VLOT__PARAMETER_NODE, true, 0, 0, NULL},
                    {"TERMS", "log", VLOT__PARAMETER_NUMBERS, true, 0, 0, "terms that never go down, of entries 1 on"}}},
    {.name = "batch", .summary = "Send at most so many entries in one message", .example = "1",
     .is_setup = true, .run = vlot__verbs_batch,
     .parameters = {{"N", NULL, VLOT__PARAMETER_NUMBER, false, 1, 65536, NULL}}},
    {.name = "switches", .summary = "Turn protections on and off: of all nodes, or of one", .example = "-prevote -noop",
     .needs_nothing = true, .run = vlot__verbs_switches,
     .parameters = {{"SWITCHES", NULL, VLOT__PARAMETER_REST, false, 0, 0, "+ or - and prevote, checkquorum, stickiness, noop, random"}, AT}},
    /* time goes on */
    {.name = "step", .is_time = true, .summary = "Do the next thing, or so many of them, as the seed chooses", .example = "5", .run = vlot__verbs_step,
     .parameters = {{"K", NULL, VLOT__PARAMETER_NUMBER, true, 1, 10000000, NULL}}},
    {.name = "tick", .is_time = true, .summary = "Let so many ticks pass", .example = "30", .is_summary = true, .run = vlot__verbs_tick,
     .parameters = {{"K", NULL, VLOT__PARAMETER_NUMBER, true, 1, 1000000, NULL}}},
    {.name = "until", .is_time = true, .summary = "Let things happen until there is a leader, a role, a commit index or a term, or until it is quiet",
     .example = "commit 3 at 2", .is_summary = true, .run = vlot__verbs_until,
     .parameters = {{"WHAT", NULL, VLOT__PARAMETER_CHOICE, false, 0, 0, "leader|role|commit|term|quiet"},
                    {"N", NULL, VLOT__PARAMETER_WORD, true, 0, 0, "a node (leader, role), an index (commit) or a term"},
                    {"ROLE", NULL, VLOT__PARAMETER_WORD, true, 0, 0, "follower, pre-candidate, candidate or leader"}, AT}},
    /* pending things */
    {.name = "deliver", .alias = "d", .summary = "Let a pending thing happen now: deliver the message, fire the timer", .example = "AppendEntries 1->2",
     .run = vlot__verbs_deliver, .parameters = {PATTERN}},
    {.name = "fire", .summary = "The same as deliver", .example = "17", .run = vlot__verbs_deliver, .parameters = {PATTERN}},
    {.name = "drop", .alias = "x", .summary = "Lose a message", .example = "all RequestVote *->3", .run = vlot__verbs_drop, .parameters = {PATTERN}},
    {.name = "hold", .summary = "Keep a pending thing from happening until it is released or delivered", .example = "timer *->2",
     .run = vlot__verbs_hold, .parameters = {PATTERN}},
    {.name = "release", .summary = "Let what is held happen when its time comes", .example = "all timer", .run = vlot__verbs_release,
     .parameters = {PATTERN}},
    {.name = "duplicate", .alias = "u", .summary = "Make a copy of a message", .example = "VoteReply 2->1", .run = vlot__verbs_duplicate,
     .parameters = {PATTERN}},
    {.name = "delay", .summary = "Put a message off", .example = "AppendReply 2->1 by 20", .run = vlot__verbs_delay,
     .parameters = {PATTERN, {"TICKS", "by", VLOT__PARAMETER_NUMBER, true, 1, 1000000, NULL}}},
    {.name = "timeout", .summary = "Fire a node's timer now: an election timeout, or a leader's heartbeat", .example = "2",
     .run = vlot__verbs_timeout, .parameters = {NODE}},
    /* nodes */
    {.name = "kill", .alias = "k", .summary = "Stop a node; with power, what it had not synced may be lost", .example = "2 power", .run = vlot__verbs_kill,
     .parameters = {NODE, {"POWER", "power", VLOT__PARAMETER_FLAG, true, 0, 0, "a power cut"}}},
    {.name = "spawn", .summary = "Start a node that is down", .example = "2", .run = vlot__verbs_spawn, .parameters = {NODE}},
    {.name = "restart", .summary = "Stop a node and start it: keep its disk, lose what was not synced, or wipe it", .example = "2 lose",
     .run = vlot__verbs_restart,
     .parameters = {NODE, {"HOW", NULL, VLOT__PARAMETER_CHOICE, true, 0, 0, "keep|lose|wipe"}}},
    {.name = "suspend", .summary = "Freeze a node; its mail waits", .example = "2", .run = vlot__verbs_suspend, .parameters = {NODE}},
    {.name = "resume", .summary = "Let a suspended node go on", .example = "2", .run = vlot__verbs_resume, .parameters = {NODE}},
    {.name = "campaign", .summary = "Tell a node to stand for election", .example = "2", .run = vlot__verbs_campaign, .parameters = {NODE, LATER}},
    {.name = "elect", .summary = "Tell a node to force an election: no pre-vote, and voters do not stick to their leader", .example = "2",
     .run = vlot__verbs_elect, .parameters = {NODE, LATER}},
    {.name = "stepdown", .summary = "Tell a leader to become a follower", .example = "1", .run = vlot__verbs_stepdown, .parameters = {NODE, LATER}},
    {.name = "forget", .summary = "Tell a follower to forget its leader, so that it votes at once", .example = "2",
     .run = vlot__verbs_forget, .parameters = {NODE, LATER}},
    /* links */
    {.name = "partition", .alias = "part", .summary = "Cut the links between groups of nodes; those not named form one more", .example = "1 | 2 3",
     .run = vlot__verbs_partition, .parameters = {{"GROUPS", NULL, VLOT__PARAMETER_REST, false, 0, 0, "nodes, with | between the groups"}}},
    {.name = "cut", .summary = "Cut the links between two nodes, both ways unless said", .example = "1 2", .run = vlot__verbs_cut,
     .parameters = {{"A", NULL, VLOT__PARAMETER_NODES, false, 0, 0, NULL}, {"B", NULL, VLOT__PARAMETER_NODES, false, 0, 0, NULL},
                    {"ONEWAY", "oneway", VLOT__PARAMETER_FLAG, true, 0, 0, "only from A to B"}}},
    {.name = "heal", .summary = "Make all links clean", .run = vlot__verbs_heal},
    {.name = "link", .summary = "Say what the link from A to B does to messages; nothing said: it is clean", .example = "1 2 loss 20 delay 3 upto 9",
     .run = vlot__verbs_link,
     .parameters = {{"A", NULL, VLOT__PARAMETER_NODES, false, 0, 0, NULL}, {"B", NULL, VLOT__PARAMETER_NODES, false, 0, 0, NULL},
                    PERCENT("loss"), PERCENT("duplicate"), {"TICKS", "delay", VLOT__PARAMETER_NUMBER, true, 0, 100000, NULL},
                    {"TICKS", "upto", VLOT__PARAMETER_NUMBER, true, 0, 100000, NULL}, PERCENT("reorder")}},
    /* disks and clocks */
    {.name = "disk", .summary = "Say what a node's disk does; nothing said: it is well", .example = "2 delay 5 upto 9",
     .run = vlot__verbs_disk,
     .parameters = {NODE, {"TICKS", "delay", VLOT__PARAMETER_NUMBER, true, 0, 100000, NULL},
                    {"TICKS", "upto", VLOT__PARAMETER_NUMBER, true, 0, 100000, NULL},
                    {"STALLED", "stalled", VLOT__PARAMETER_FLAG, true, 0, 0, "no write completes"},
                    {"FULL", "full", VLOT__PARAMETER_FLAG, true, 0, 0, "every write fails, and the node is fenced"},
                    {"N", "fail", VLOT__PARAMETER_NUMBER, true, 1, UINT32_MAX, NULL}}},
    {.name = "clock", .summary = "Set the rate of a node's clock in thousandths: 1000 is exact, 0 stands still", .example = "2 1500",
     .run = vlot__verbs_clock,
     .parameters = {NODE, {"RATE", NULL, VLOT__PARAMETER_NUMBER, false, 0, 100000, NULL}}},
    /* clients */
    {.name = "propose", .summary = "Hand a command to the leader, or to a node", .example = "x=1 at 2", .run = vlot__verbs_propose,
     .parameters = {{"KEY=VALUE", NULL, VLOT__PARAMETER_WORD, false, 0, 0, "what to set"}, AT}},
    {.name = "read", .summary = "Read a key: linearizable, or what a node happens to know (local)", .example = "x at 1 local", .run = vlot__verbs_read,
     .parameters = {{"KEY", NULL, VLOT__PARAMETER_WORD, false, 0, 0, NULL}, AT, {"LOCAL", "local", VLOT__PARAMETER_FLAG, true, 0, 0, "without asking the others"}}},
    /* looking */
    {.name = "status", .is_look = true, .summary = "Show the cluster in one line", .run = vlot__verbs_status},
    {.name = "log", .is_look = true, .summary = "Show the logs as columns of terms, with a bar behind what is known as committed", .example = "2", .run = vlot__verbs_log,
     .parameters = {{"NODE", NULL, VLOT__PARAMETER_NODE, true, 0, 0, NULL}}},
    {.name = "net", .is_look = true, .summary = "Show faulty links and everything under way", .run = vlot__verbs_net},
    {.name = "timers", .is_look = true, .summary = "Show whose timer is next", .run = vlot__verbs_timers},
    {.name = "events", .is_look = true, .summary = "Show the last events of a node", .example = "2 20", .run = vlot__verbs_events,
     .parameters = {NODE, {"K", NULL, VLOT__PARAMETER_NUMBER, true, 1, 64, NULL}}},
    {.name = "check", .is_look = true, .summary = "Check that no safety property is broken and that machines agree", .run = vlot__verbs_check},
    {.name = "lints", .is_look = true, .summary = "Show what an expert would warn of: bad settings, and what runs badly", .run = vlot__verbs_lints},
    {.name = "why", .summary = "Say why a node is what it is, why there is no leader, why nothing is committed", .example = "2 vote",
     .is_look = true, .run = vlot__verbs_why,
     .parameters = {{"NODE", NULL, VLOT__PARAMETER_NODE, true, 0, 0, NULL},
                    {"WHAT", NULL, VLOT__PARAMETER_CHOICE, true, 0, 0, "change|role|vote|term|log|commit|campaign"}}},
    /* the history */
    {.name = "next", .alias = "n", .summary = "Do the next thing: of the scene, else whatever comes next", .example = "3",
     .needs_nothing = true, .is_meta = true, .run = vlot__verbs_next,
     .parameters = {{"K", NULL, VLOT__PARAMETER_NUMBER, true, 1, 10000000, NULL}}},
    {.name = "back", .alias = "p", .summary = "Undo the last action, or so many", .example = "3",
     .needs_nothing = true, .is_meta = true, .run = vlot__verbs_back,
     .parameters = {{"K", NULL, VLOT__PARAMETER_NUMBER, true, 1, UINT64_MAX, NULL}}},
    {.name = "goto", .summary = "Go back, or forth again, to an action by its number", .example = "12",
     .needs_nothing = true, .is_meta = true, .run = vlot__verbs_goto,
     .parameters = {{"K", NULL, VLOT__PARAMETER_NUMBER, false, 0, UINT64_MAX, NULL}}},
    {.name = "fork", .summary = "Keep this line of history, and go on in a copy of it", .example = "lost-vote",
     .needs_nothing = true, .is_meta = true, .run = vlot__verbs_fork,
     .parameters = {{"NAME", NULL, VLOT__PARAMETER_WORD, true, 0, 0, "a name; a number unless said"}}},
    {.name = "branches", .summary = "Show the lines of history, or go to the end of one", .example = "1",
     .needs_nothing = true, .is_meta = true, .run = vlot__verbs_branches,
     .parameters = {{"NAME", NULL, VLOT__PARAMETER_WORD, true, 0, 0, "a branch"}}},
    {.name = "save", .summary = "Write all that was said into a new scene, or only what led here", .example = "story.scene",
     .needs_nothing = true, .is_meta = true, .run = vlot__verbs_save,
     .parameters = {{"FILE", NULL, VLOT__PARAMETER_WORD, false, 0, 0, "a file that does not exist yet"},
                    {"LINE", "line", VLOT__PARAMETER_FLAG, true, 0, 0, "without what was undone"}}},
    {.name = "help", .alias = "?", .is_look = true, .summary = "Explain a verb, or list all of them", .example = "deliver", .needs_nothing = true, .run = vlot__verbs_help,
     .parameters = {{"VERB", NULL, VLOT__PARAMETER_WORD, true, 0, 0, NULL}}},
};
/* clang-format on */

const size_t vlot__command_count = sizeof vlot__commands / sizeof *vlot__commands;
