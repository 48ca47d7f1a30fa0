/* vlot/verb.h: everything that can be said to a cluster, one row per verb. Whoever takes verbs
 * (scenes, the prompt of `vlot step`, gdb) reads here how a verb is called, what follows it, what
 * help says of it, and whether a debugger may ask it.
 *
 * A new verb is a row here and a function vlot__verbs_NAME() in src/lab. If a debugger may ask it,
 * the row begins with R, and src/cluster/request.c has one case more. The compiler, or the linker,
 * says what is missing.
 */
#ifndef VLOT_VERB_H
#define VLOT_VERB_H

#include "vlot/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VLOT_STEP_NODES_MAX 32      /* of a cluster that verbs are said to */
#define VLOT_TICKS_AT_ONCE  1000000 /* that a verb lets pass */
#define VLOT_UNTIL_TIMEOUTS 20      /* election timeouts until `until` gives up */

/* What stands for a parameter in a line. */
typedef enum vlot_parameter_type {
  VLOT_PARAMETER_NUMBER = 1, /* in [min, max] */
  VLOT_PARAMETER_NODE,       /* a member's id, with or without a leading n */
  VLOT_PARAMETER_NODES,      /* the same, or * for all: 0 */
  VLOT_PARAMETER_CHOICE,     /* one of its meaning, "a|b"; number: its position */
  VLOT_PARAMETER_WORD,       /* anything */
  VLOT_PARAMETER_REST,       /* all words up to a keyword of the row */
  VLOT_PARAMETER_NUMBERS,    /* all numbers that follow, none is allowed too */
  VLOT_PARAMETER_FLAG,       /* a keyword alone */
} vlot_parameter_type;

/* Where a parameter stands in a debugger's request. */
typedef enum vlot_asks {
  VLOT_ASKS_NOTHING, /* nowhere: only the prompt takes it */
  VLOT_ASKS_NODE,
  VLOT_ASKS_ID,     /* of one pending thing */
  VLOT_ASKS_VALUE,  /* a number, the position of a choice, or 1 for a flag */
  VLOT_ASKS_SIDES,  /* who is on which side of a partition */
  VLOT_ASKS_ALWAYS, /* a flag that every request means */
} vlot_asks;

typedef struct vlot_parameter {
  const char *name;    /* as help shows it, "NODE" */
  const char *keyword; /* "at": it is said as `at NODE`, anywhere; NULL: by its place */
  vlot_parameter_type type;
  uint32_t is_optional; /* those with keywords always are */
  uint64_t min, max;
  const char *meaning; /* of CHOICE its words, "a|b"; else in words; NULL: its type says it */
  vlot_asks asks;
} vlot_parameter;

/* Flags of a verb. */
#define VLOT_VERB_SETUP         1u  /* only before anything has happened; others open the cluster */
#define VLOT_VERB_NEEDS_NOTHING 2u  /* neither */
#define VLOT_VERB_TIME          4u  /* it lets time go on, and any part of it can be done alone */
#define VLOT_VERB_LOOK          8u  /* it changes nothing */
#define VLOT_VERB_META          16u /* it is about the history, and is not part of it */
#define VLOT_VERB_SUMMARY       32u /* many things happen: only changes are shown */
#define VLOT_VERB_ASKING        64u /* where nothing optional is said it only looks */

#define VLOT_VERB_PARAMETERS_MAX 8

typedef struct vlot_verb {
  const char *name;
  const char *group;   /* the heading it begins in the list of verbs; NULL: as the row before */
  const char *alias;   /* a shorter name; NULL: none */
  const char *summary; /* one line, without a full stop */
  const char *example; /* without the name; NULL: the name alone */
  uint32_t flags;
  uint32_t request; /* vlot_request_kind; 0: a debugger cannot ask it */
  /* up to the first without a name */
  vlot_parameter parameters[VLOT_VERB_PARAMETERS_MAX];
} vlot_verb;

/* --- the list ---
 *
 * X(name, fields ...)                    a verb
 * R(REQUEST, number, name, fields ...)   one that a debugger may ask, by VLOT_REQUEST_##REQUEST;
 *                                        numbers are never given anew: recorded events have them
 *
 * SAYS is a parameter: name, keyword, type, is_optional, min, max, meaning. ASKS is one that goes
 * into a request.
 */
#define VLOT_VERB_SAYS(name, keyword, type, is_optional, min, max, meaning) \
  { name, keyword, VLOT_PARAMETER_##type, is_optional, min, max, meaning, VLOT_ASKS_NOTHING }
#define VLOT_VERB_ASKS(asks, name, keyword, type, is_optional, min, max, meaning) \
  { name, keyword, VLOT_PARAMETER_##type, is_optional, min, max, meaning, VLOT_ASKS_##asks }

#define VLOT_VERB_NODE VLOT_VERB_ASKS(NODE, "NODE", NULL, NODE, 0, 0, 0, NULL)
#define VLOT_VERB_AT   VLOT_VERB_SAYS("NODE", "at", NODE, 1, 0, 0, NULL)
#define VLOT_VERB_LATER                                   \
  VLOT_VERB_ASKS(ALWAYS, "LATER", "later", FLAG, 1, 0, 0, \
                 "when its turn comes, as any other message")
#define VLOT_VERB_PERCENT(keyword) VLOT_VERB_SAYS("PERCENT", keyword, NUMBER, 1, 0, 100, NULL)
/* vlot/event.h has them. */
#define VLOT_VERB_EVENT(name, number, text, body) " " text
#define VLOT_VERB_WHAT                                                                             \
  VLOT_VERB_ASKS(ID, "WHAT", NULL, REST, 0, 0, 0,                                                  \
                 "ids, as 17, t2, w2, i2, or [all] [KIND] [A->B]: KIND as AppendEntries, client, " \
                 "timer, write, "                                                                  \
                 "image; * for any node")

#define VLOT_VERBS(X, R)                                                                           \
  X(nodes, .group = "setting up",                                                                  \
    .summary = "Say how many nodes the cluster has, 3 unless said; without a number, show them",   \
    .example = "5", .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_ASKING,                           \
    .parameters = {VLOT_VERB_SAYS("N", NULL, NUMBER, 1, 1, VLOT_STEP_NODES_MAX, NULL)})            \
  X(learners, .summary = "Make the last nodes learners, which have no vote", .example = "1",       \
    .flags = VLOT_VERB_SETUP,                                                                      \
    .parameters = {VLOT_VERB_SAYS("N", NULL, NUMBER, 0, 0, VLOT_STEP_NODES_MAX, NULL)})            \
  X(seed, .summary = "Set the seed of all that is random; the same seed gives the same run",       \
    .example = "7", .flags = VLOT_VERB_SETUP,                                                      \
    .parameters = {VLOT_VERB_SAYS("S", NULL, NUMBER, 0, 0, UINT64_MAX, NULL)})                     \
  X(start,                                                                                         \
    .summary = "Set where a node begins: its term, its vote, and the terms of its log's entries",  \
    .example = "2 term 3 vote 1 log 1 1 2 3", .flags = VLOT_VERB_SETUP,                            \
    .parameters = {VLOT_VERB_NODE,                                                                 \
                   VLOT_VERB_SAYS("TERM", "term", NUMBER, 1, 0, VLOT_INDEX_MAX - 1, NULL),         \
                   VLOT_VERB_SAYS("VOTE", "vote", NODE, 1, 0, 0, NULL),                            \
                   VLOT_VERB_SAYS("TERMS", "log", NUMBERS, 1, 0, 0,                                \
                                  "terms that never go down, of entries 1 on")})                   \
  X(batch, .summary = "Send at most so many entries in one message", .example = "1",               \
    .flags = VLOT_VERB_SETUP,                                                                      \
    .parameters = {VLOT_VERB_SAYS("N", NULL, NUMBER, 0, 1, 65536, NULL)})                          \
  X(switches, .summary = "Turn protections on and off: of all nodes, or of one",                   \
    .example = "-prevote -noop", .flags = VLOT_VERB_NEEDS_NOTHING,                                 \
    .parameters = {VLOT_VERB_SAYS("SWITCHES", NULL, REST, 0, 0, 0,                                 \
                                  "+ or - and prevote, checkquorum, stickiness, noop, random"),    \
                   VLOT_VERB_AT})                                                                  \
  X(step, .group = "time",                                                                         \
    .summary = "Do the next thing, or so many of them, as the seed chooses", .example = "5",       \
    .flags = VLOT_VERB_TIME,                                                                       \
    .parameters = {VLOT_VERB_SAYS("K", NULL, NUMBER, 1, 1, 10000000, NULL),                        \
                   VLOT_VERB_SAYS("QUIET", "quiet", FLAG, 1, 0, 0, "show only what changes")})     \
  X(tick,                                                                                          \
    .summary =                                                                                     \
        "Let so many ticks pass, 1 unless said, and do what is due in them; 0: what is due "       \
        "now",                                                                                     \
    .example = "30", .flags = VLOT_VERB_TIME | VLOT_VERB_SUMMARY,                                  \
    .parameters = {VLOT_VERB_SAYS("K", NULL, NUMBER, 1, 0, VLOT_TICKS_AT_ONCE, NULL)})             \
  X(until,                                                                                         \
    .summary = "Let things happen until there is a leader, a role, a commit index or a term, "     \
               "until it is quiet, or until an event has come",                                    \
    .example = "leader 2 500", .flags = VLOT_VERB_TIME | VLOT_VERB_SUMMARY,                        \
    .parameters = {VLOT_VERB_SAYS("WHAT", NULL, WORD, 0, 0, 0,                                     \
                                  "leader, role, commit, term, quiet; or an event, and so is "     \
                                  "what has 'of' behind it:" VLOT_EVENTS(VLOT_VERB_EVENT)),        \
                   VLOT_VERB_SAYS("N", NULL, WORD, 1, 0, 0,                                        \
                                  "a node (role; leader, where * is any), an index (commit) or "   \
                                  "a term; nothing (quiet, an event)"),                            \
                   VLOT_VERB_SAYS("ROLE", NULL, WORD, 1, 0, 0,                                     \
                                  "follower, pre-candidate, candidate or leader (role)"),          \
                   VLOT_VERB_SAYS("TICKS", NULL, WORD, 1, 0, 0,                                    \
                                  "how long at most; 20 election timeouts unless said"),           \
                   VLOT_VERB_AT, VLOT_VERB_SAYS("WHOSE", "of", NODES, 1, 0, 0, NULL)})             \
  R(FIRE, 6, deliver, .group = "messages, timers", .alias = "d",                                   \
    .summary = "Let a pending thing happen now: deliver the message, fire the timer, write the "   \
               "image of a machine",                                                               \
    .example = "AppendEntries 1->2", .parameters = {VLOT_VERB_WHAT})                               \
  X(fire, .summary = "The same as deliver", .example = "17", .request = VLOT_REQUEST_FIRE,         \
    .parameters = {VLOT_VERB_WHAT})                                                                \
  R(DROP, 1, drop, .alias = "x", .summary = "Lose a message", .example = "all RequestVote *->3",   \
    .parameters = {VLOT_VERB_WHAT})                                                                \
  R(HOLD, 4, hold,                                                                                 \
    .summary = "Keep a pending thing from happening until it is released or delivered",            \
    .example = "timer *->2", .parameters = {VLOT_VERB_WHAT})                                       \
  R(RELEASE, 5, release, .summary = "Let what is held happen when its time comes",                 \
    .example = "all timer", .parameters = {VLOT_VERB_WHAT})                                        \
  R(DUPLICATE, 2, duplicate, .alias = "u", .summary = "Make a copy of a message",                  \
    .example = "VoteReply 2->1", .parameters = {VLOT_VERB_WHAT})                                   \
  R(DELAY, 3, delay, .summary = "Put a message, a write or an image off",                          \
    .example = "AppendReply 2->1 by 20",                                                           \
    .parameters = {VLOT_VERB_WHAT,                                                                 \
                   VLOT_VERB_ASKS(VALUE, "TICKS", "by", NUMBER, 1, 1, 1000000, NULL)})             \
  R(TIMEOUT, 7, timeout,                                                                           \
    .summary = "Fire a node's timer now: an election timeout, or a leader's heartbeat",            \
    .example = "2", .parameters = {VLOT_VERB_NODE})                                                \
  R(KILL, 10, kill, .group = "nodes", .alias = "k",                                                \
    .summary = "Stop a node; with power, what it had not synced may be lost",                      \
    .example = "2 power",                                                                          \
    .parameters = {VLOT_VERB_NODE,                                                                 \
                   VLOT_VERB_ASKS(VALUE, "POWER", "power", FLAG, 1, 0, 0, "a power cut")})         \
  R(SPAWN, 11, spawn, .summary = "Start a node that is down", .example = "2",                      \
    .parameters = {VLOT_VERB_NODE})                                                                \
  R(RESTART, 12, restart,                                                                          \
    .summary = "Stop a node and start it: keep its disk, lose what was not synced, or wipe it",    \
    .example = "2 lose",                                                                           \
    .parameters = {VLOT_VERB_NODE,                                                                 \
                   VLOT_VERB_ASKS(VALUE, "HOW", NULL, CHOICE, 1, 0, 0, "keep|lose|wipe")})         \
  R(SUSPEND, 13, suspend, .summary = "Freeze a node; its mail waits", .example = "2",              \
    .parameters = {VLOT_VERB_NODE})                                                                \
  R(RESUME, 14, resume, .summary = "Let a suspended node go on", .example = "2",                   \
    .parameters = {VLOT_VERB_NODE})                                                                \
  R(CAMPAIGN, 15, campaign, .summary = "Tell a node to stand for election", .example = "2",        \
    .parameters = {VLOT_VERB_NODE, VLOT_VERB_LATER})                                               \
  R(ELECT, 16, elect,                                                                              \
    .summary =                                                                                     \
        "Tell a node to force an election: no pre-vote, and voters do not stick to their leader",  \
    .example = "2", .parameters = {VLOT_VERB_NODE, VLOT_VERB_LATER})                               \
  R(STEPDOWN, 17, stepdown, .summary = "Tell a leader to become a follower", .example = "1",       \
    .parameters = {VLOT_VERB_NODE, VLOT_VERB_LATER})                                               \
  X(forget, .summary = "Tell a follower to forget its leader, so that it votes at once",           \
    .example = "2", .parameters = {VLOT_VERB_NODE, VLOT_VERB_LATER})                               \
  R(SNAPSHOT, 18, snapshot, .group = "snapshots",                                                  \
    .summary =                                                                                     \
        "Tell a node to take a snapshot now, whatever the policy says: it freezes its "            \
        "machine, and the image is written as a thing of its own, i1 of n1, in the next tick",     \
    .example = "2", .parameters = {VLOT_VERB_NODE, VLOT_VERB_LATER})                               \
  R(COMPACT, 19, compact,                                                                          \
    .summary = "Tell a node to drop its log up to an index: at most, and unless said, up to its "  \
               "snapshot",                                                                         \
    .example = "2 40",                                                                             \
    .parameters = {VLOT_VERB_NODE,                                                                 \
                   VLOT_VERB_ASKS(VALUE, "INDEX", NULL, NUMBER, 1, 1, VLOT_INDEX_MAX, NULL),       \
                   VLOT_VERB_LATER})                                                               \
  X(export, .summary = "Write a node's newest snapshot into a new file",                           \
    .example = "1 backup.vlotsnap", .flags = VLOT_VERB_META,                                       \
    .parameters = {VLOT_VERB_NODE,                                                                 \
                   VLOT_VERB_SAYS("FILE", NULL, WORD, 0, 0, 0, "a file that does not exist yet")}) \
  X(import, .summary = "Let all nodes begin with a snapshot that export has written",              \
    .example = "backup.vlotsnap", .flags = VLOT_VERB_SETUP,                                        \
    .parameters = {VLOT_VERB_SAYS("FILE", NULL, WORD, 0, 0, 0, "a file")})                         \
  X(stream,                                                                                        \
    .summary =                                                                                     \
        "Say how many entries stay below a snapshot, and how it is sent: bytes of a chunk, "       \
        "under way at once, and per tick",                                                         \
    .example = "chunk 32 window 64 rate 32", .flags = VLOT_VERB_SETUP,                             \
    .parameters = {VLOT_VERB_SAYS("BYTES", "chunk", NUMBER, 1, 1, 1 << 26, NULL),                  \
                   VLOT_VERB_SAYS("BYTES", "window", NUMBER, 1, 1, 1 << 30, NULL),                 \
                   VLOT_VERB_SAYS("BYTES", "rate", NUMBER, 1, 0, 1 << 30, NULL),                   \
                   VLOT_VERB_SAYS("N", "keep", NUMBER, 1, 0, VLOT_INDEX_MAX, NULL)})               \
  X(create,                                                                                        \
    .summary = "Say which time a node's machine cannot be made: it is made when the node starts, " \
               "and anew for each snapshot that is installed",                                     \
    .example = "3 fail 2", .flags = VLOT_VERB_SETUP,                                               \
    .parameters = {VLOT_VERB_NODE, VLOT_VERB_SAYS("N", "fail", NUMBER, 1, 1, UINT32_MAX, NULL)})   \
  R(PARTITION, 8, partition, .group = "links", .alias = "part",                                    \
    .summary = "Cut the links between groups of nodes; those not named form one more",             \
    .example = "1 | 2 3",                                                                          \
    .parameters = {                                                                                \
        VLOT_VERB_ASKS(SIDES, "GROUPS", NULL, REST, 0, 0, 0, "nodes, with | between the groups")}) \
  X(isolate, .summary = "Cut the links between a node and all others", .example = "2",             \
    .request = VLOT_REQUEST_PARTITION,                                                             \
    .parameters = {VLOT_VERB_ASKS(SIDES, "NODE", NULL, NODE, 0, 0, 0, "a node")})                  \
  X(cut, .summary = "Cut the links between two nodes, both ways unless said", .example = "1 2",    \
    .parameters = {VLOT_VERB_SAYS("A", NULL, NODES, 0, 0, 0, NULL),                                \
                   VLOT_VERB_SAYS("B", NULL, NODES, 0, 0, 0, NULL),                                \
                   VLOT_VERB_SAYS("ONEWAY", "oneway", FLAG, 1, 0, 0, "only from A to B")})         \
  R(HEAL, 9, heal,                                                                                 \
    .summary = "Make links clean: all of them, a node's, or those between two; or disks well, "    \
               "or clocks exact",                                                                  \
    .example = "disk 2",                                                                           \
    .parameters = {VLOT_VERB_SAYS("WHAT", NULL, CHOICE, 1, 0, 0, "link|disk|clock|all"),           \
                   VLOT_VERB_SAYS("A", NULL, NODES, 1, 0, 0, NULL),                                \
                   VLOT_VERB_SAYS("B", NULL, NODES, 1, 0, 0, NULL)})                               \
  X(link,                                                                                          \
    .summary = "Say what the link from A to B does to messages, and nothing else; nothing said: "  \
               "show it",                                                                          \
    .example = "1 2 loss 20 delay 3 upto 9", .flags = VLOT_VERB_ASKING,                            \
    .parameters = {VLOT_VERB_SAYS("A", NULL, NODES, 0, 0, 0, NULL),                                \
                   VLOT_VERB_SAYS("B", NULL, NODES, 0, 0, 0, NULL), VLOT_VERB_PERCENT("loss"),     \
                   VLOT_VERB_PERCENT("duplicate"),                                                 \
                   VLOT_VERB_SAYS("TICKS", "delay", NUMBER, 1, 0, 100000, NULL),                   \
                   VLOT_VERB_SAYS("TICKS", "upto", NUMBER, 1, 0, 100000, NULL),                    \
                   VLOT_VERB_PERCENT("reorder")})                                                  \
  X(disk, .group = "disks, clocks",                                                                \
    .summary = "Say what a node's disk does, and nothing else; nothing said: show it",             \
    .example = "2 delay 5 upto 9", .flags = VLOT_VERB_ASKING,                                      \
    .parameters = {VLOT_VERB_NODE, VLOT_VERB_SAYS("TICKS", "delay", NUMBER, 1, 0, 100000, NULL),   \
                   VLOT_VERB_SAYS("TICKS", "upto", NUMBER, 1, 0, 100000, NULL),                    \
                   VLOT_VERB_SAYS("STALLED", "stalled", FLAG, 1, 0, 0, "no write completes"),      \
                   VLOT_VERB_SAYS("FULL", "full", FLAG, 1, 0, 0,                                   \
                                  "every write fails, and the node is fenced"),                    \
                   VLOT_VERB_SAYS("N", "fail", NUMBER, 1, 1, UINT32_MAX, NULL)})                   \
  X(clock,                                                                                         \
    .summary = "Set the rate of a node's clock in thousandths: 1000 is exact, 0 stands still",     \
    .example = "2 1500",                                                                           \
    .parameters = {VLOT_VERB_NODE, VLOT_VERB_SAYS("RATE", NULL, NUMBER, 0, 0, 100000, NULL)})      \
  X(propose, .group = "clients", .summary = "Hand a command to the leader, or to a node",          \
    .example = "x=1 at 2",                                                                         \
    .parameters = {VLOT_VERB_SAYS("KEY=VALUE", NULL, WORD, 0, 0, 0, "what to set"), VLOT_VERB_AT}) \
  X(read, .summary = "Read a key: linearizable, or what a node happens to know (local)",           \
    .example = "x at 1 local",                                                                     \
    .parameters = {VLOT_VERB_SAYS("KEY", NULL, WORD, 0, 0, 0, NULL), VLOT_VERB_AT,                 \
                   VLOT_VERB_SAYS("LOCAL", "local", FLAG, 1, 0, 0, "without asking the others")})  \
  X(set, .summary = "Set a key of the key-value machine; \"\" is the empty value",                 \
    .example = "boat vlot at 2",                                                                   \
    .parameters = {VLOT_VERB_SAYS("KEY", NULL, WORD, 0, 0, 0, NULL),                               \
                   VLOT_VERB_SAYS("VALUE", NULL, REST, 0, 0, 0, "all that follows"),               \
                   VLOT_VERB_AT})                                                                  \
  X(get, .summary = "The same as read", .example = "boat at 1 local",                              \
    .parameters = {VLOT_VERB_SAYS("KEY", NULL, WORD, 0, 0, 0, NULL), VLOT_VERB_AT,                 \
                   VLOT_VERB_SAYS("LOCAL", "local", FLAG, 1, 0, 0, "without asking the others")})  \
  X(del, .summary = "Delete a key; the answer says whether it was there", .example = "boat",       \
    .parameters = {VLOT_VERB_SAYS("KEY", NULL, WORD, 0, 0, 0, NULL), VLOT_VERB_AT})                \
  X(cas, .summary = "Set a key where it has an old value; \"\" is the empty one",                  \
    .example = "boat vlot raft",                                                                   \
    .parameters = {VLOT_VERB_SAYS("KEY", NULL, WORD, 0, 0, 0, NULL),                               \
                   VLOT_VERB_SAYS("OLD", NULL, WORD, 0, 0, 0, "the value it must have"),           \
                   VLOT_VERB_SAYS("NEW", NULL, REST, 0, 0, 0, "all that follows"), VLOT_VERB_AT})  \
  X(incr, .summary = "Add to the number that a key has, 1 unless said; no key counts as 0",        \
    .example = "visits -3",                                                                        \
    .parameters = {VLOT_VERB_SAYS("KEY", NULL, WORD, 0, 0, 0, NULL),                               \
                   VLOT_VERB_SAYS("N", NULL, WORD, 1, 0, 0, "a whole number of 64 bits"),          \
                   VLOT_VERB_AT})                                                                  \
  X(status, .group = "looking", .summary = "Show the cluster in one line",                         \
    .flags = VLOT_VERB_LOOK)                                                                       \
  X(node,                                                                                          \
    .summary = "Show everything about a node: Figure 2 of the paper, and what stands beside it",   \
    .example = "2", .flags = VLOT_VERB_LOOK, .parameters = {VLOT_VERB_NODE})                       \
  X(log,                                                                                           \
    .summary = "Show what a node's log contains; or all logs as columns of terms, and behind an "  \
               "entry: | known as committed up to here, . known to the leader up to here, : both", \
    .example = "2 1", .flags = VLOT_VERB_LOOK,                                                     \
    .parameters = {VLOT_VERB_SAYS("NODE", NULL, NODES, 1, 0, 0, NULL),                             \
                   VLOT_VERB_SAYS("FROM", NULL, NUMBER, 1, 1, VLOT_INDEX_MAX,                      \
                                  "the first index; the last entries unless said"),                \
                   VLOT_VERB_SAYS("COUNT", NULL, NUMBER, 1, 1, 1000, "24 unless said")})           \
  X(diff, .summary = "Show where two nodes part: their logs, terms, states", .example = "1 2",     \
    .flags = VLOT_VERB_LOOK,                                                                       \
    .parameters = {VLOT_VERB_SAYS("A", NULL, NODE, 0, 0, 0, NULL),                                 \
                   VLOT_VERB_SAYS("B", NULL, NODE, 0, 0, 0, NULL)})                                \
  X(kv, .summary = "Show the key-value machine of a node, of the leader unless said",              \
    .example = "2", .flags = VLOT_VERB_LOOK,                                                       \
    .parameters = {VLOT_VERB_SAYS("NODE", NULL, NODE, 1, 0, 0, NULL)})                             \
  X(net, .summary = "Show faulty links, disks and clocks, and everything under way",               \
    .flags = VLOT_VERB_LOOK)                                                                       \
  X(timers, .summary = "Show whose timer is next", .flags = VLOT_VERB_LOOK)                        \
  X(events, .summary = "Show the last events of a node", .example = "2 20",                        \
    .flags = VLOT_VERB_LOOK,                                                                       \
    .parameters = {VLOT_VERB_NODE, VLOT_VERB_SAYS("K", NULL, NUMBER, 1, 1, 64, NULL)})             \
  X(check, .summary = "Check that no safety property is broken and that machines agree",           \
    .flags = VLOT_VERB_LOOK)                                                                       \
  X(lints, .summary = "Show what an expert would warn of: bad settings, and what runs badly",      \
    .flags = VLOT_VERB_LOOK)                                                                       \
  X(why,                                                                                           \
    .summary = "Say why a node is what it is, why there is no leader, why nothing is committed",   \
    .example = "2 vote", .flags = VLOT_VERB_LOOK,                                                  \
    .parameters = {VLOT_VERB_SAYS("NODE", NULL, NODE, 1, 0, 0, NULL),                              \
                   VLOT_VERB_SAYS("WHAT", NULL, CHOICE, 1, 0, 0,                                   \
                                  "change|role|vote|term|log|commit|campaign")})                   \
  X(json, .summary = "Show as JSON what another verb shows", .example = "node 2",                  \
    .flags = VLOT_VERB_LOOK | VLOT_VERB_NEEDS_NOTHING,                                             \
    .parameters = {                                                                                \
        VLOT_VERB_SAYS("VERB", NULL, REST, 0, 0, 0, "a verb that looks, and its words")})          \
  X(next, .group = "history", .alias = "n",                                                        \
    .summary = "Do the next thing: of the scene, else whatever comes next", .example = "3",        \
    .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META,                                             \
    .parameters = {VLOT_VERB_SAYS("K", NULL, NUMBER, 1, 1, 10000000, NULL)})                       \
  X(back, .alias = "p", .summary = "Go back by one action, or so many", .example = "3",            \
    .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META,                                             \
    .parameters = {VLOT_VERB_SAYS("K", NULL, NUMBER, 1, 1, UINT64_MAX, NULL)})                     \
  X(undo, .summary = "Take back the last command, however many actions it made",                   \
    .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META)                                             \
  X(redo, .summary = "Do again the command that was taken back last",                              \
    .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META)                                             \
  X(goto, .summary = "Go back, or forth again, to an action by its number", .example = "12",       \
    .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META,                                             \
    .parameters = {VLOT_VERB_SAYS("K", NULL, NUMBER, 0, 0, UINT64_MAX, NULL)})                     \
  X(fork, .summary = "Keep this line of history, and go on in a copy of it",                       \
    .example = "lost-vote", .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META,                     \
    .parameters = {VLOT_VERB_SAYS("NAME", NULL, WORD, 1, 0, 0, "a name; a number unless said")})   \
  X(history, .summary = "Show what was said up to here, each line as it can be said again",        \
    .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_LOOK)                                             \
  X(branches, .summary = "Show the lines of history and where they part, or go to the end of one", \
    .example = "1", .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META | VLOT_VERB_ASKING,          \
    .parameters = {VLOT_VERB_SAYS("NAME", NULL, WORD, 1, 0, 0, "a branch")})                       \
  X(save, .summary = "Write all that was said into a new scene, or only what led here",            \
    .example = "story.scene", .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META,                   \
    .parameters = {VLOT_VERB_SAYS("FILE", NULL, WORD, 0, 0, 0, "a file that does not exist yet"),  \
                   VLOT_VERB_SAYS("LINE", "line", FLAG, 1, 0, 0, "without what was undone")})      \
  X(play, .summary = "Say what stands in a file: a scene, or commands", .example = "story.scene",  \
    .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META,                                             \
    .parameters = {VLOT_VERB_SAYS("FILE", NULL, WORD, 0, 0, 0, "a file")})                         \
  X(note, .summary = "Write a comment into the story", .example = "now n2 is behind",              \
    .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_META,                                             \
    .parameters = {VLOT_VERB_SAYS("TEXT", NULL, REST, 0, 0, 0, "anything")})                       \
  X(help, .alias = "?", .summary = "Explain a verb, or name them all", .example = "deliver",       \
    .flags = VLOT_VERB_NEEDS_NOTHING | VLOT_VERB_LOOK,                                             \
    .parameters = {                                                                                \
        VLOT_VERB_SAYS("VERB", NULL, WORD, 1, 0, 0, "a verb, or all: a line for each")})

/* What a debugger can ask of a cluster. */
typedef enum vlot_request_kind {
#define VLOT_X(...)
#define VLOT_R(request, number, ...) VLOT_REQUEST_##request = number,
  VLOT_VERBS(VLOT_X, VLOT_R)
#undef VLOT_X
#undef VLOT_R
} vlot_request_kind;

/* The list as data, [vlot_verb_count]: also for a debugger, which only reads memory. */
VLOT_API extern const vlot_verb vlot_verbs[];
VLOT_API extern const size_t vlot_verb_count;

/* The verb of this name, or alias; NULL: none. */
VLOT_API const vlot_verb *vlot_verb_find(const char *name);

/* The verb that asks such a vlot_request_kind; NULL: none. */
VLOT_API const vlot_verb *vlot_verb_of_request(uint64_t request);

#ifdef __cplusplus
}
#endif

#endif
