/* vlot/event.h: the one stream of what happens. Every observable thing is one typed record; views
 * only draw events.
 *
 * Order   in lockstep one total order; with threads events are ordered by (lamport, node,
 *         sequence).
 * Ids     an event is (node, sequence), packed with vlot_event_id().
 * Causes  cause names the input that completed it, as an event: the message, commands, read or
 *         order that was taken (of a message that waited for the disk: its request), the SENT of
 *         what is taken or lost, the DURABLE that was missing to a vote or commit, the COMMIT that
 *         is applied and answered. Of several replies in one step it is the one with which a quorum
 *         was there; the others are the TALLYs and MATCHes before. 0: nothing led there but time, a
 *         client, a person or a disk. An event is recorded behind its cause, which has a lower
 *         Lamport time (docs/decisions/causes.md).
 */
#ifndef VLOT_EVENT_H
#define VLOT_EVENT_H

#include "vlot/base.h"
#include "vlot/raft.h"
#include "vlot/verb.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kind, number, name in JSON, which member of the union it uses. Those without words say what the
 * core's change of that name says (VLOT_CHANGES in vlot/raft.h; KNOWN_LEADER: LEADER,
 * RECONFIGURED: CONFIG): change has its from, to and term, slice its entries.
 */
#define VLOT_EVENTS(X)                                                                             \
  X(STEP, 1, "step", step)             /* one step of the core: the node before and after it */    \
  X(SENT, 2, "sent", message)          /* a message left the node; peer: to; node 0: a copy */     \
  X(RECEIVED, 3, "received", message)  /* a message is taken by the node; peer: from */            \
  X(DROPPED, 4, "dropped", message)    /* ended without being taken; node: where, or 0; why */     \
  X(CAMPAIGN, 5, "campaign", change)   /* from: 0 pre-vote, 1 vote, 2 forced; to: last index */    \
  X(LEADER, 6, "leader", change)       /* became leader; from: old role, to: role */               \
  X(STEP_DOWN, 7, "step_down", change) /* was leader, is follower; why */                          \
  X(ROLE, 8, "role", change)           /* any other change of role */                              \
  X(TERM, 9, "term", change)                                                                       \
  X(KNOWN_LEADER, 10, "known_leader", change)                                                      \
  X(VOTE, 11, "vote", change)   /* asked by peer; from: 1 pre-vote; to: 1 granted, 0 not: why */   \
  X(TALLY, 12, "tally", change) /* a vote came back: peer; from granted so far, to quorum */       \
  X(APPEND, 13, "append", slice)                                                                   \
  X(TRUNCATE, 14, "truncate", slice)                                                               \
  X(MATCH, 15, "match", change)                                                                    \
  X(PROGRESS, 16, "progress", change)                                                              \
  X(MISMATCH, 17, "mismatch", change)                                                              \
  X(DURABLE, 18, "durable", change) /* stored and released: log up to `to`, term, peer: vote */    \
  X(COMMIT, 19, "commit", slice)                                                                   \
  X(APPLY, 20, "apply", slice) /* the machine has taken them */                                    \
  X(IGNORED, 21, "ignored", change)                                                                \
  X(FENCED, 22, "fenced", change)   /* or its machine failed: from applied, to commit index */     \
  X(START, 23, "start", step)       /* a node begins; after: what it recovered */                  \
  X(KILL, 24, "kill", change)       /* a node ends; why; from: 1 power cut; to: 1 it led */        \
  X(RESTART, 25, "restart", change) /* a member is started again; from: vlot_restart */            \
  X(SUSPEND, 26, "suspend", change) /* its mail waits from here on */                              \
  X(RESUME, 27, "resume", change)   /* and is taken again */                                       \
  X(FAULT, 28, "fault", change)     /* link, disk or clock was changed: below */                   \
  X(CLOCK_WAIT, 29, "clock_wait", change) /* the clock waits for a straggler: peer */              \
  X(PROPOSE, 30, "propose", client)       /* a client's commands arrived at a node */              \
  X(ANSWER, 31, "answer", client)         /* and were answered */                                  \
  X(READ, 32, "read", client)             /* a client's read arrived at a node */                  \
  X(VIOLATION, 33, "violation", change)   /* the first only; from: its invariant; peer: node */    \
  X(LINT, 34, "lint", change) /* from: vlot_lint_number, peer: node; to, term: its numbers */      \
  X(REQUEST, 35, "request", change) /* from: vlot_request_kind, to: value, term: its result */     \
  X(CONFIG, 36, "config", config)   /* peer: one member of a configuration */                      \
  X(ORDER, 37, "order", change)     /* it takes an order; from: kind, below; to: value, term */    \
  X(SNAPSHOT_TAKEN, 38, "snapshot_taken", change)                                                  \
  X(SNAPSHOT_SENT, 39, "snapshot_sent", change)                                                    \
  X(SNAPSHOT_INSTALLED, 40, "snapshot_installed", change)                                          \
  X(COMPACTED, 41, "compacted", change)                                                            \
  X(NO_SNAPSHOT, 42, "no_snapshot", change) /* asked for one: why not; from: its newest one,     \
                                             * to: applied, term: vlot_result */ \
  X(RECONFIGURED, 43, "reconfigured", change) /* its members follow, a CONFIG each */              \
  X(ROUND, 44, "round", change)                                                                    \
  X(TRANSFER, 45, "transfer", change)

/* What an ORDER's `from` says: a vlot_input_kind, or one of these. */
#define VLOT_ORDER_SNAPSHOT 100u /* take a snapshot now */
#define VLOT_ORDER_COMPACT  101u /* to: drop the log up to there */

typedef enum vlot_event_kind {
#define VLOT_X(name, number, text, body) VLOT_EVENT_##name = number,
  VLOT_EVENTS(VLOT_X)
#undef VLOT_X
      VLOT_EVENT_KINDS
} vlot_event_kind;

/* What a CONFIG says of its member. Several at once while a configuration is joint. */
enum {
  VLOT_CONFIG_VOTER = 1,
  VLOT_CONFIG_LEARNER = 2,
  VLOT_CONFIG_OLD_VOTER = 4, /* of the configuration that a joint one leaves */
};

/* A VIOLATION's `from` is 1 … 14, 16 or 19 for I-1 …, VLOT_REPLICA_HASH for R-1
 * (docs/catalogue.md); its cause is the event that broke it. vlot_cluster_violation() has the
 * evidence. */
#define VLOT_REPLICA_HASH 100

/* An ORDER of VLOT_INPUT_TRANSFER; to: the member that is to lead, 0: the best. */

/* An ORDER of VLOT_INPUT_TICK: a person makes its timer fire before its time; to: vlot_due. */

/* What a FAULT says, by its why:
 *
 * DISK_FAULT             peer: whose; from: fail_at; to: delay_ticks_max; term: 1 is_stalled + 2
 *                        is_full
 * CLOCK_FAULT            peer: whose; to: rate in thousandths
 * LINK_FAULT, HEALED     from, peer: the link, 0: every; to: 1 cut
 * PARTITION              nothing more
 */

/* "known_leader" …, as the table has it; "?" outside of it. Static. */
VLOT_API const char *vlot_event_kind_name(vlot_event_kind kind);

typedef struct vlot_event {
  uint64_t sequence; /* of this node, from 1, across its incarnations */
  uint64_t lamport;  /* Lamport time: above that of every event that led here */
  /* number of the action that it belongs to. Threads: 0 until the first pause; a paused cluster
   * counts its actions, and once it runs again the number stands still until the next pause */
  uint64_t action;
  uint64_t cause;       /* vlot_event_id() of the input that completed it; 0: none */
  uint64_t tick;        /* of the cluster clock */
  uint64_t message;     /* id of the message concerned; 0: none */
  uint32_t node;        /* member; 0: the cluster */
  uint32_t incarnation; /* of the node, from 1; 0: of the cluster */
  uint32_t peer;        /* the other member concerned, as the kind says; 0: none */
  uint16_t kind;        /* vlot_event_kind */
  uint16_t why;         /* vlot_why */
  union {
    struct { /* START: before is all 0 */
      vlot_brief before;
      vlot_brief after;
    } step;
    struct {
      uint32_t kind;  /* vlot_message_kind */
      uint32_t flags; /* VLOT_MESSAGE_* */
      uint64_t term;
      /* append: prev_index; votes: last_index; reply: match or hint index; install and its reply:
       * the snapshot's */
      uint64_t index;
      /* append: prev_term; votes: last_term; reply: hint term; install: of the snapshot */
      uint64_t log_term;
      /* append: the leader's; reply: prev index it answers; install: offset; its reply: the offset
       * that is missing */
      uint64_t commit;
      uint64_t request_id; /* the sender's number of it; a reply has that of its request */
      uint32_t entries;    /* append: how many; install: bytes */
      uint32_t from;       /* the sender */
    } message;
    struct { /* what they mean stands with the kind */
      uint64_t from;
      uint64_t to;
      uint64_t term;
    } change;
    struct { /* one per slice, not per entry */
      uint64_t first;
      uint64_t count;
      uint64_t term; /* of the newest entry; TRUNCATE: the node's */
      /* hash over all entries up to the newest that stands afterwards; 0 where nobody observes */
      uint64_t chain;
      uint64_t hash; /* APPLY: the machine's, where somebody compares; else 0 */
    } slice;
    struct {
      uint64_t sequence; /* the client's, of the first command */
      uint64_t index;    /* ANSWER: of the first one; a read: what was applied then; else 0 */
      uint64_t term;     /* ANSWER: of the entries; else 0 */
      uint32_t client;   /* vlot_client_number() */
      uint32_t count;    /* how many in a row */
      uint32_t result;   /* vlot_result, of ANSWER */
      uint32_t reserved;
    } client;
    struct {          /* one per member; all `count` of them, from one node, are a configuration */
      uint64_t index; /* of the entry from which on it counts; 0: since the beginning */
      uint64_t disk_id;
      uint32_t place; /* 0 … count - 1 */
      uint32_t count;
      uint32_t roles; /* VLOT_CONFIG_* */
      uint32_t reserved;
    } config;
  } as;
} vlot_event;

/* What is under way between clients and nodes, or passed on from node to node, and is no message of
 * Raft's. A DROPPED of it has message.kind 0, and in message
 *
 * flags     which it is
 * from      the member that sent it; 0: a client
 * term      FORWARD, QUESTION, WORD: in which the one leads whom it is about
 * entries   how many commands and reads are in it, commit: how many of them are reads
 * log_term  the client of the first of them, index: its number for it, request_id: 1 where some are
 *           of other clients
 */
#define VLOT_MAILS(X)                                                   \
  X(COMMANDS, 1, "commands") /* a client's */                           \
  X(READ, 2, "read")         /* a client's */                           \
  X(ORDER, 3, "order")       /* vlot_cluster_campaign() and its like */ \
  X(FORWARD, 4, "forward")   /* what clients asked of a follower */     \
  X(QUESTION, 5, "question") /* its question whether that has come */   \
  X(WORD, 6, "word")         /* the leader's word that it has */

typedef enum vlot_mail_kind {
#define VLOT_X(name, number, text) VLOT_MAIL_##name = number,
  VLOT_MAILS(VLOT_X)
#undef VLOT_X
} vlot_mail_kind;

/* "forward" …, as the table has it; "?" outside of it. Static. */
VLOT_API const char *vlot_mail_kind_name(vlot_mail_kind mail);

typedef struct vlot_mail_told {
  vlot_mail_kind kind; /* 0: it is a message of Raft's, or none at all */
  uint32_t client; /* vlot_client_number(), of the first command or read in it; 0: there is none */
  uint64_t sequence;   /* its number for that one */
  uint64_t count;      /* commands and reads in it … */
  uint64_t reads;      /* … and how many of these are reads */
  uint32_t has_others; /* some are of other clients */
  uint32_t reserved;
} vlot_mail_told;

/* It in words, "a forwarded command of client 1"; out, capacity and the result as snprintf. */
VLOT_API size_t vlot_mail_text(const vlot_mail_told *told, char *out, size_t capacity);

#define VLOT_RARE_EVENTS 48 /* of a node, that are kept beside its last ones */

/* (node, sequence) in one number: node in the upper 16 bits, sequence below 2^48. */
static inline uint64_t vlot_event_id(uint32_t node, uint64_t sequence) {
  return ((uint64_t)node << 48) | sequence;
}

/* Is it one that happens seldom, and that one asks about long after: of terms, roles, votes,
 * campaigns, configurations, lives, faults and orders, and the messages by which votes travel? */
VLOT_API bool vlot_event_is_rare(const vlot_event *event);

/* One event as text: json as a JSON object without a newline, text as a sentence for people ("n2
 * becomes leader of term 3: a quorum granted its votes").
 *
 * out      [capacity] ends in a 0 byte, cut where it is too long; NULL with capacity 0
 * returns  the length it has or would have without the 0, as snprintf
 */
VLOT_API size_t vlot_event_json(const vlot_event *event, char *out, size_t capacity);
VLOT_API size_t vlot_event_text(const vlot_event *event, char *out, size_t capacity);

#define VLOT_EVENT_WORDS 16 /* of an event, at most */

/* The canonical encoding that the event hash is made of. No pointer, real time or thread in it, and
 * not what only observers compute (slice.chain, slice.hash).
 *
 * words    out: the first [returned] of them are set
 * returns  8 … VLOT_EVENT_WORDS, as the kind has it
 */
VLOT_API uint32_t vlot_event_words(const vlot_event *event, uint64_t words[VLOT_EVENT_WORDS]);

#ifdef __cplusplus
}
#endif

#endif
