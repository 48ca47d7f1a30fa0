/* vlot/why.h: why it is so: what led to what happened, and what is waited for. As data and as text;
 * the prompt's `why` is made of it.
 *
 * Events  an answer is made of them: of those that the nodes' rings still keep (ring_events, and
 *         the rare ones), or of a vlot_past that a program fills from a subscription, which knows
 *         more. Where something is forgotten the answer says so.
 * Moment  in lockstep, and for the thread that has paused it, the cluster stands still. One that
 *         runs is not paused: every node is held between two of its turns until all of them were
 *         copied, so that the answer is of one moment, and nothing of the run is changed, no mail
 *         moved and no write completed. A node whose user code does not end its turn within stop_ns
 *         is told of as its status was published last, and is_moment is 0.
 */
#ifndef VLOT_WHY_H
#define VLOT_WHY_H

#include "vlot/cluster.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- what has happened ------------------------------------------------------------------------ */

/* Events, kept so that a cause can be looked up. Of one node at most events_max, then the older
 * half is forgotten, but for what one asks about long after: rare events (vlot_event_is_rare()),
 * 4,096 at most, and the newest of what is durable and committed and of what a peer has stored.
 *
 * Owned by one thread at a time; no call waits.
 */
typedef struct vlot_past vlot_past;

/* open   allocator NULL: the default; borrowed. events_max: a power of two from 256; 0: 131,072.
 *        VLOT_OK; VLOT_INVALID; VLOT_NOMEM: *out is NULL
 * close  NULL is allowed
 * clear  nothing is known any more
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_past_open(vlot_past **out,
                                                    const vlot_allocator *allocator,
                                                    uint32_t events_max);
VLOT_API void vlot_past_close(vlot_past *past);
VLOT_API void vlot_past_clear(vlot_past *past);

/* One more; copied. Of a node in order, as vlot_subscription_next() gives them; one that is known
 * is passed over. Without memory what came before is forgotten; a gap is remembered as one. */
VLOT_API void vlot_past_add(vlot_past *past, const vlot_event *event);

/* What is known of a node (0: the cluster), oldest first; *count: how many. Borrowed until the next
 * add, clear or close, as are the events that find and newest return; NULL with 0. */
VLOT_API const vlot_event *vlot_past_events(const vlot_past *past, uint32_t node, size_t *count);

/* The event with a vlot_event_id(); NULL: none, or it is forgotten. */
VLOT_API const vlot_event *vlot_past_find(const vlot_past *past, uint64_t id);

/* The newest event of a node after a sequence that is of one of these kinds (bits, 1 <<
 * vlot_event_kind) and about that peer (0: any); NULL: none that is known. */
VLOT_API const vlot_event *vlot_past_newest(const vlot_past *past, uint32_t node, uint64_t kinds,
                                            uint32_t peer, uint64_t after);

/* Is everything known that a node did after a sequence? */
VLOT_API bool vlot_past_is_whole(const vlot_past *past, uint32_t node, uint64_t after);

/* --- a question ------------------------------------------------------------------------------- */

/* What it is about, its name, what the question needs.
 *
 * ANYTHING  how a node is, what led there, what it waits for. node 0: the leader, or why there is
 *           none
 * CHANGE …  the newest change of a kind that a node went through, and its causes; CAMPAIGN: that it
 *           stood for election
 * ENTRY     index: the entry there: is it committed, who stores it, what is missing. node 0: in the
 *           leader's log, or, where nobody leads, the longest
 * COMMAND   client, sequence: what became of a client's command, as submit numbered it
 * READ      the same of a read. client 0: the oldest that waits at node (0: the leader)
 */
#define VLOT_ASKS(X)         \
  X(ANYTHING, 0, "anything") \
  X(CHANGE, 1, "change")     \
  X(ROLE, 2, "role")         \
  X(VOTE, 3, "vote")         \
  X(TERM, 4, "term")         \
  X(LOG, 5, "log")           \
  X(COMMIT, 6, "commit")     \
  X(CAMPAIGN, 7, "campaign") \
  X(ENTRY, 8, "entry")       \
  X(COMMAND, 9, "command")   \
  X(READ, 10, "read")

typedef enum vlot_ask {
#define VLOT_X(name, number, text) VLOT_ASK_##name = number,
  VLOT_ASKS(VLOT_X)
#undef VLOT_X
      VLOT_ASK_COUNT
} vlot_ask;

typedef struct vlot_question {
  size_t size;  /* set by vlot_question_init() */
  vlot_ask ask; /* default ANYTHING */
  uint32_t node;
  uint64_t index;
  uint32_t client; /* vlot_client_number() */
  uint32_t reserved;
  uint64_t sequence;
  /* borrowed for the call; NULL (default): what the rings keep. Take what the subscription has
   * first: the answer knows what the past does */
  const vlot_past *past;
} vlot_question;

/* Set size and the defaults; what has none in the words above is 0 or NULL. */
VLOT_API void vlot_question_init(vlot_question *question);

/* --- its answer ------------------------------------------------------------------------------- */

/* A step of the answer, its name in JSON. */
#define VLOT_REASONS(X)                                                    \
  X(STATE, 1, "state")     /* how it is */                                 \
  X(FINDING, 2, "finding") /* and what follows from that, or is missing */ \
  X(DETAIL, 3, "detail")   /* of the finding before it, about one node */  \
  X(EVENT, 4, "event")     /* what happened */                             \
  X(CAUSE, 5, "cause")     /* because of what: of the event or cause before */

typedef enum vlot_reason_kind {
#define VLOT_X(name, number, text) VLOT_REASON_##name = number,
  VLOT_REASONS(VLOT_X)
#undef VLOT_X
} vlot_reason_kind;

typedef struct vlot_reason {
  vlot_reason_kind kind;
  uint32_t node;       /* whom it is about; 0: the cluster */
  uint64_t event;      /* EVENT, CAUSE: its vlot_event_id(); else 0 */
  uint64_t tick;       /* EVENT, CAUSE: when it happened; else 0 */
  uint32_t event_kind; /* EVENT, CAUSE: vlot_event_kind; else 0 */
  uint32_t event_why;  /* EVENT, CAUSE: vlot_why; else 0 */
  const char *text;    /* a sentence or a half, without a newline; never NULL */
} vlot_reason;

/* What is waited for, its name in JSON; what of a vlot_wait it uses besides node and reason. */
#define VLOT_WAITS(X)                                                                         \
  X(MESSAGE, 1, "message")      /* on its way to node from peer: id, is_held */               \
  X(ANSWER, 2, "answer")        /* node has taken what peer sent, and has not answered: id */ \
  X(DISK, 3, "disk")            /* node's disk, to complete a write: is_held, since, until */ \
  X(NODE, 4, "node")            /* node, which is down, suspended or fenced: since */         \
  X(CLOCK, 5, "clock")          /* node's clock, which stands still or goes wrong */          \
  X(TIMER, 6, "timer")          /* node's timer: is_held, until */                            \
  X(LINK, 7, "link")            /* the link from peer to node, which is cut */                \
  X(IDENTITY, 8, "identity")    /* node's disk is none that the configuration knows */        \
  X(VOTES, 9, "votes")          /* a quorum's votes: node stands for election; have, need */  \
  X(STORED, 10, "stored")       /* a quorum that stores an entry: index; have, need */        \
  X(CONFIRMED, 11, "confirmed") /* a quorum that confirms that node leads; have, need */      \
  X(VOTERS, 12, "voters")       /* voters that run, count and reach each other; have, need */

typedef enum vlot_wait_kind {
#define VLOT_X(name, number, text) VLOT_WAIT_##name = number,
  VLOT_WAITS(VLOT_X)
#undef VLOT_X
} vlot_wait_kind;

typedef struct vlot_wait {
  vlot_wait_kind kind;
  uint32_t node; /* 0: the cluster */
  uint32_t peer;
  uint32_t is_held; /* nothing goes on before somebody releases it */
  uint32_t have;
  uint32_t need;
  uint64_t id;    /* of a message */
  uint64_t index; /* of an entry */
  uint64_t since; /* tick from which on; VLOT_NEVER: not known */
  uint64_t until; /* tick at which it is due; VLOT_NEVER: none */
  size_t reason;  /* which of the reasons says it */
} vlot_wait;

/* "state" …, "message" …, "entry" …, as the tables have them; "?" outside of them. Static. */
VLOT_API const char *vlot_reason_kind_name(vlot_reason_kind kind);
VLOT_API const char *vlot_wait_kind_name(vlot_wait_kind kind);
VLOT_API const char *vlot_ask_name(vlot_ask ask);

/* An answer: a value of its own, which outlives cluster and past. */
typedef struct vlot_explanation {
  size_t reason_count;
  const vlot_reason *reasons; /* [reason_count], at least one */
  size_t wait_count;
  const vlot_wait *waits; /* [wait_count] */
  uint64_t tick;          /* of the cluster clock, when it was asked */
  uint32_t is_moment;     /* 0: some node would not stand still for it, a finding says which */
  uint32_t reserved;
} vlot_explanation;

/* Ask a cluster why.
 *
 * question  NULL: ANYTHING
 * out       out: released with vlot_explanation_release(); NULL unless VLOT_OK
 * returns   VLOT_OK; VLOT_INVALID: an unknown ask, or index 0 of ENTRY, or client or sequence 0 of
 *           COMMAND; VLOT_NOT_FOUND: no such member; VLOT_NOMEM; VLOT_BUSY: another thread has
 *           paused the cluster; VLOT_DEADLOCK: on a node's thread; VLOT_CLOSED; VLOT_UNSUPPORTED
 *           (a forked child). A question changes nothing, and is no action
 * thread    any but a node's; in lockstep as every call. With threads it blocks until each node's
 *           turn has ended, for stop_ns at most per node, and their next turns wait for it
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_why(vlot_cluster *cluster,
                                                      const vlot_question *question,
                                                      vlot_explanation **out);

/* NULL is allowed. Behind the cluster's close too, as long as the allocator lives. */
VLOT_API void vlot_explanation_release(vlot_explanation *explanation);

/* All of it as lines for people, as the prompt prints it, each with a newline.
 *
 * out      [capacity] ends in a 0 byte, cut where it is too long; NULL with capacity 0
 * returns  the length it has or would have without the 0, as snprintf
 */
VLOT_API size_t vlot_explanation_text(const vlot_explanation *explanation, char *out,
                                      size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
