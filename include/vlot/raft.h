/* vlot/raft.h: one Raft node as a pure function of its inputs. No thread, lock, clock, I/O or
 * random source of its own.
 *
 * A driver calls vlot_raft_step() with inputs and carries out the output (vlot_output says which
 * order safety needs). It owns time (ticks), transport (messages) and storage (writes). The cluster
 * of vlot/cluster.h is one such driver; examples/bare_core.c is another.
 *
 * Ownership  One rule for the whole API: inputs are borrowed for the call; the output is borrowed
 *            until the next call on the same core; what is kept longer is a retained, immutable,
 *            reference-counted object (vlot_batch, vlot_bytes).
 * Thread     A core may be called from any thread, one at a time. Batches and bytes may be shared
 *            between threads.
 * Paper      Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended
 *            Version)", and Ongaro's dissertation ("thesis"). docs/raft-map.md leads from their
 *            sections to the functions and tests.
 */
#ifndef VLOT_RAFT_H
#define VLOT_RAFT_H

#include "vlot/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VLOT_MEMBERS_MAX 1024u
#define VLOT_NEVER       UINT64_MAX          /* a tick that never comes */
#define VLOT_INDEX_MAX   ((uint64_t)1 << 62) /* terms and indexes stay below */

/* --- entries, batches, slices ----------------------------------------------------------------- */

typedef enum vlot_entry_kind {
  VLOT_ENTRY_NOOP = 0,    /* the entry a leader puts at the start of its term; empty */
  VLOT_ENTRY_COMMAND = 1, /* opaque to Raft, handed to the machine */
  /* who belongs to the cluster from its index on (thesis 4.1); as vlot_configuration_encode() */
  VLOT_ENTRY_CONFIG = 2,
} vlot_entry_kind;

/* One log entry's content. data [size] belongs to the batch (or is borrowed, where it is an
 * argument). */
typedef struct vlot_entry {
  const uint8_t *data;
  uint32_t size; /* bytes */
  uint32_t kind; /* vlot_entry_kind */
} vlot_entry;

/* An immutable, reference-counted run of entries: made once, then shared by logs, messages and
 * disks. */
typedef struct vlot_batch vlot_batch;

/* A run of entries of one batch standing in a log: entries [first, first + count) of batch, at
 * indexes index …, all of one term. */
typedef struct vlot_slice {
  vlot_batch *batch; /* borrowed with the slice: who keeps a slice retains its batch */
  uint64_t index;    /* of the first entry; 1 … */
  uint64_t term;     /* of every entry; 1 … */
  uint32_t first;    /* position of the first entry in the batch, from 0 */
  uint32_t count;    /* > 0 */
} vlot_slice;

/* Copy entries into a new batch.
 *
 * allocator  NULL: the default; borrowed for the batch's life
 * entries    [count], count > 0, borrowed for the call; data may be NULL where size is 0
 * owners     [count] or NULL: where owners[k] is not NULL, entry k's data lies in those bytes,
 *            which are retained, not copied
 * returns    one reference, given back with vlot_batch_release(); NULL without memory or when count
 *            is 0
 */
VLOT_API vlot_batch *vlot_batch_make(const vlot_allocator *allocator, const vlot_entry *entries,
                                     vlot_bytes *const *owners, uint32_t count);

/* retain: another reference; returns batch. release: give one back; with the last one the batch is
 * freed, and the bytes that it shares are released. NULL is allowed in both.
 *
 * asserts  release each reference to a batch once
 */
VLOT_API vlot_batch *vlot_batch_retain(vlot_batch *batch);
VLOT_API void vlot_batch_release(vlot_batch *batch);

/* How many entries it has: 1 … */
VLOT_API uint32_t vlot_batch_count(const vlot_batch *batch);

/* The slice's entries, [slice->count], borrowed from its batch. */
VLOT_API const vlot_entry *vlot_slice_entries(const vlot_slice *slice);

/* Payload bytes of the slice, without VLOT_ENTRY_OVERHEAD. */
VLOT_API uint64_t vlot_slice_bytes(const vlot_slice *slice);

/* --- members ---------------------------------------------------------------------------------- */

/* A member of a configuration. disk: the id its storage was given at bootstrap; votes and
 * acknowledgements from another disk do not count (a wiped disk has forgotten promises). 0: any
 * disk is accepted.
 */
typedef struct vlot_member {
  uint32_t id;         /* 1 … ; unique */
  uint16_t is_learner; /* 0: a voter; 1: receives entries, has no vote */
  uint16_t wish;       /* vlot_wish: what becomes of it once those that wait have caught up */
  uint64_t disk_id;
} vlot_member;

/* A change of configuration that has new voters stands in the log as a wish first, while they are
 * caught up (thesis 4.2.1): so every leader goes on with it. Only in a configuration that is not
 * joint. Given up, it is as if nobody had wished: who was added for it goes. */
typedef enum vlot_wish {
  VLOT_WISH_NONE = 0,
  VLOT_WISH_JOIN = 1,    /* a learner that was added to become a voter */
  VLOT_WISH_PROMOTE = 2, /* a learner that becomes a voter; it was a learner before */
  VLOT_WISH_ADD = 3,     /* a learner that was added with others, and stays one */
  VLOT_WISH_DEMOTE = 4,  /* a voter that becomes a learner, at the same time as the others */
  VLOT_WISH_REMOVE = 5,  /* it goes at the same time as the others */
} vlot_wish;

/* A configuration: who belongs to a cluster, from one index of the log on. Immutable and
 * reference-counted; any thread. */
typedef struct vlot_configuration vlot_configuration;

/* Take a further reference, and return it; give one back. NULL is allowed.
 *
 * asserts  release each reference to a configuration once
 */
VLOT_API vlot_configuration *vlot_configuration_retain(vlot_configuration *configuration);
VLOT_API void vlot_configuration_release(vlot_configuration *configuration);

/* Do those members of whom counts() says so make a quorum? While it is joint, in both halves; asked
 * of voters only, borrowed for the call. */
VLOT_API bool vlot_configuration_has_quorum(const vlot_configuration *configuration,
                                            bool (*counts)(void *context,
                                                           const vlot_member *member),
                                            void *context);

/* What is wrong with members [count] as a configuration, a static sentence; NULL: nothing. 1 …
 * VLOT_MEMBERS_MAX of them, ids that differ and are not 0, one voter at least, and wishes that
 * their standing allows. Any thread. */
VLOT_API const char *vlot_configuration_problem(const vlot_member *members, uint32_t count);

/* Its members: [*count], borrowed from it; while it is joint, those of the half to come. */
VLOT_API const vlot_member *vlot_configuration_members(const vlot_configuration *configuration,
                                                       uint32_t *count);

/* Make one: of members [count] and, while it is joint, the old ones [old_count]; 0: it is simple.
 * For who reads a snapshot from its storage.
 *
 * allocator  NULL: the default; borrowed for the configuration's life
 * returns    one reference; NULL without memory, and where vlot_configuration_problem() has one
 */
VLOT_API vlot_configuration *vlot_configuration_make(const vlot_allocator *allocator,
                                                     const vlot_member *members, uint32_t count,
                                                     const vlot_member *old, uint32_t old_count);

/* Those of the old half, [*count], borrowed from it; none unless it is joint. */
VLOT_API const vlot_member *vlot_configuration_old(const vlot_configuration *configuration,
                                                   uint32_t *count);

/* Encoded form, as it stands in an entry of kind CONFIG: canonical, little-endian; the format
 * stands at the head of src/raft/config_codec.c.
 *
 * size    bytes that encode() writes
 * encode  into out [capacity]; returns the bytes written, or 0, with out untouched, when capacity
 *         is too small
 * decode  total: any bytes are either one configuration or an error. allocator NULL: the default;
 *         *out: one reference, NULL after an error. VLOT_OK; VLOT_CORRUPT: no voter in a half, a
 *         member twice in one, more than VLOT_MEMBERS_MAX, an old half that is empty or equals the
 *         new one, wishes in a joint one, or bytes that do not add up; VLOT_NOMEM
 */
VLOT_API size_t vlot_configuration_size(const vlot_configuration *configuration);
VLOT_API size_t vlot_configuration_encode(const vlot_configuration *configuration, uint8_t *out,
                                          size_t capacity);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_configuration_decode(const vlot_allocator *allocator,
                                                               const uint8_t *data, size_t size,
                                                               vlot_configuration **out);

/* --- changes of membership (docs/decisions/membership.md) ------------------------------------- */

typedef enum vlot_edit_kind {
  VLOT_EDIT_ADD_VOTER =
      1,                 /* nobody of this id belongs to it; its disk is another than ever before */
  VLOT_EDIT_ADD_LEARNER, /* likewise */
  VLOT_EDIT_PROMOTE,     /* a learner becomes a voter */
  VLOT_EDIT_DEMOTE,      /* a voter becomes a learner */
  VLOT_EDIT_REMOVE,
  VLOT_EDIT_REPLACE_DISK, /* from now on it counts by this disk; in a change without new voters */
} vlot_edit_kind;

/* One edit of a change; a member stands in one at most. */
typedef struct vlot_edit {
  uint32_t kind;    /* vlot_edit_kind */
  uint32_t id;      /* 1 … */
  uint64_t disk_id; /* ADD_VOTER, ADD_LEARNER, REPLACE_DISK: by which disk; 0: any. Else 0 */
} vlot_edit;

/* Rank of a member in elections: those of lower rank wait longer before they campaign, and a leader
 * hands over to one of higher rank that has caught up, once per term. Who is not named has 0. */
typedef struct vlot_rank {
  uint32_t id;
  uint32_t rank; /* higher is better */
} vlot_rank;

/* --- messages --------------------------------------------------------------------------------- */

/* A machine's state at an index: vlot/raft_snapshot.h. */
typedef struct vlot_snapshot vlot_snapshot;

/* One row per kind of message: kind, number, name, body, what its header may say. Whoever treats
 * messages by kind reads this, or switches over their few bodies. Every message is a value; a reply
 * echoes request and dealing of what it answers. */
#define VLOT_MESSAGES(X)                                                                  \
  X(PRE_VOTE, 1, "PreVote", VOTE, VLOT_RULE_PRE_VOTE)                                     \
  X(PRE_VOTE_REPLY, 2, "PreVoteReply", VOTE_REPLY, VLOT_RULE_PRE_VOTE | VLOT_RULE_REPLY)  \
  X(VOTE, 3, "RequestVote", VOTE, VLOT_RULE_FORCED)                                       \
  X(VOTE_REPLY, 4, "VoteReply", VOTE_REPLY, VLOT_RULE_REPLY)                              \
  X(APPEND, 5, "AppendEntries", APPEND, VLOT_RULE_DEALING)                                \
  X(APPEND_REPLY, 6, "AppendReply", APPEND_REPLY, VLOT_RULE_DEALING | VLOT_RULE_REPLY)    \
  X(INSTALL, 7, "InstallSnapshot", INSTALL, VLOT_RULE_DEALING)                            \
  X(INSTALL_REPLY, 8, "InstallReply", INSTALL_REPLY, VLOT_RULE_DEALING | VLOT_RULE_REPLY) \
  X(TIMEOUT_NOW, 9, "TimeoutNow", TIMEOUT_NOW, VLOT_RULE_DEALING)

typedef enum vlot_message_kind {
#define VLOT_X(name, number, text, body, rules) VLOT_MESSAGE_##name = number,
  VLOT_MESSAGES(VLOT_X)
#undef VLOT_X
} vlot_message_kind;

/* Kinds are 1 … VLOT_MESSAGE_KINDS - 1. */
enum {
#define VLOT_X(name, number, text, body, rules) +1
  VLOT_MESSAGE_KINDS = 1 VLOT_MESSAGES(VLOT_X)
#undef VLOT_X
};

/* What a message says beside its header. */
typedef enum vlot_message_body {
  VLOT_BODY_UNKNOWN, /* of a kind outside the table */
  VLOT_BODY_VOTE,    /* as.vote */
  VLOT_BODY_VOTE_REPLY,
  VLOT_BODY_APPEND,       /* as.append */
  VLOT_BODY_APPEND_REPLY, /* as.reply */
  VLOT_BODY_INSTALL,
  VLOT_BODY_INSTALL_REPLY, /* as.installed */
  VLOT_BODY_TIMEOUT_NOW,   /* nothing: campaign at once (thesis 3.10) */
} vlot_message_body;

enum {
  VLOT_RULE_REPLY = 1,    /* it may say OK; where it does not, it says why */
  VLOT_RULE_PRE_VOTE = 2, /* it may be of term 0; a request is for the term after its own */
  VLOT_RULE_FORCED = 4,   /* it may be FORCED */
  VLOT_RULE_DEALING = 8,  /* it belongs to a leader's dealings with a peer */
};

/* VLOT_BODY_UNKNOWN outside the table. */
static inline vlot_message_body vlot_message_body_of(uint32_t kind) {
  switch (kind) {
#define VLOT_X(name, number, text, body, rules) \
  case number: return VLOT_BODY_##body;
    VLOT_MESSAGES(VLOT_X)
#undef VLOT_X
  default: return VLOT_BODY_UNKNOWN;
  }
}

/* VLOT_RULE_*; 0 outside the table. */
static inline uint32_t vlot_message_rules_of(uint32_t kind) {
  switch (kind) {
#define VLOT_X(name, number, text, body, rules) \
  case number: return rules;
    VLOT_MESSAGES(VLOT_X)
#undef VLOT_X
  default: return 0;
  }
}

/* "AppendEntries" …, as the table has it; "?" outside of it. Static. */
VLOT_API const char *vlot_message_kind_name(vlot_message_kind kind);

enum {
  VLOT_MESSAGE_FORCED = 1, /* VOTE: a forced election, overrides stickiness (thesis 4.2.3) */
  VLOT_MESSAGE_OK = 2,     /* replies: granted, or the append matched */
};

typedef struct vlot_message {
  uint16_t kind;       /* vlot_message_kind */
  uint16_t flags;      /* VLOT_MESSAGE_FORCED | VLOT_MESSAGE_OK */
  uint32_t why;        /* vlot_why: in a refusing reply, the reason; NONE in all else */
  uint32_t from;       /* the sender; never 0 */
  uint32_t to;         /* the receiver; another than from */
  uint64_t disk_id;    /* the sender's disk id */
  uint64_t term;       /* the sender's current term */
  uint64_t request_id; /* the sender's number of this request; echoed */
  /* a leader's number for its dealings with this peer; echoed; 0 in votes */
  uint64_t dealing;
  union {
    struct {               /* PRE_VOTE (for term + 1), VOTE (for term) */
      uint64_t last_index; /* of the candidate's log; 0: it is empty */
      uint64_t last_term;  /* of the entry there; 0: it is empty */
    } vote;
    struct {               /* APPEND; a heartbeat is an append without entries */
      uint64_t prev_index; /* of the entry before the first one; 0: there is none */
      uint64_t prev_term;  /* of that entry; 0: there is none */
      /* the leader's commit index; the receiver caps it at what this message verified */
      uint64_t commit;
      const vlot_slice *slices; /* [slice_count] contiguous from prev_index + 1 */
      uint32_t slice_count;
      uint32_t entry_count; /* sum of the slices' counts */
    } append;
    struct {               /* APPEND_REPLY */
      uint64_t prev_index; /* echoed */
      /* OK: durable here and equal to the leader's log up to this index */
      uint64_t match_index;
      uint64_t hint_index; /* refused: the logs may agree at or below this index … */
      uint64_t hint_term;  /* … whose entry has this term here */
    } reply;
    struct { /* INSTALL: a chunk of a snapshot; without bytes it asks how far the receiver is */
      /* whose it is. Borrowed with the message; within a process the sender's own, out of the
       * codec one that has this chunk only */
      vlot_snapshot *snapshot;
      uint64_t offset;   /* of the first byte; where length is 0: the snapshot's size */
      uint32_t length;   /* bytes; 0 … 64 MiB */
      uint32_t reserved; /* 0 */
    } install;
    struct {          /* INSTALL_REPLY */
      uint64_t index; /* of the snapshot, echoed */
      /* OK: all up to here is durable here, in a log or a snapshot, and equal to the leader's */
      uint64_t match_index;
      uint64_t offset; /* not OK: the first byte that is missing … */
      uint64_t limit;  /* … and where those that are missing with it end */
    } installed;
  } as;
} vlot_message;

/* Encoded form: little-endian, length-prefixed, canonical (one encoding per message),
 * self-contained. The format stands at the head of src/raft/codec.c.
 *
 * size    bytes that encode() writes; 0: the message is malformed, or has more than 64 MiB of
 *         payload
 * encode  into out [capacity]; returns the bytes written, or 0, with out untouched, when capacity
 *         is too small or size() is 0; 0, with out half written, when a snapshot cannot be read
 * decode  total: any bytes are either one message, whole and canonical, or an error.
 *         allocator NULL: the default; data [size] is borrowed for the call, payload is copied;
 *         *out is then freed with vlot_message_free(), and is NULL after an error; *why (NULL to
 *         ignore) is NONE unless there is an error. VLOT_OK; VLOT_CORRUPT with why MALFORMED or
 *         VERSION; VLOT_TOO_LARGE above 64 MiB of payload or 65,536 entries; VLOT_NOMEM
 * free    takes what decode() has made, with the allocator that it was made with, and releases its
 *         batches; NULL is allowed
 * check   are the fields in range and consistent? NONE when so, else MALFORMED, or VERSION for an
 *         unknown kind. step() refuses what this refuses. Slices must name batches that exist
 */
VLOT_API size_t vlot_message_size(const vlot_message *message);
VLOT_API size_t vlot_message_encode(const vlot_message *message, uint8_t *out, size_t capacity);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_message_decode(const vlot_allocator *allocator,
                                                         const uint8_t *data, size_t size,
                                                         vlot_message **out, vlot_why *why);
VLOT_API void vlot_message_free(const vlot_allocator *allocator, vlot_message *message);
VLOT_API vlot_why vlot_message_check(const vlot_message *message);

/* --- inputs ----------------------------------------------------------------------------------- */

/* Protections; all on by default; switched live by the SWITCHES input. */
enum {
  VLOT_SWITCH_PRE_VOTE = 1, /* ask before raising the term (thesis 9.6) */
  /* a leader steps down after T without a quorum (thesis 6.2) */
  VLOT_SWITCH_CHECK_QUORUM = 2,
  /* no votes while a leader was heard from within T (thesis 4.2.3) */
  VLOT_SWITCH_STICKINESS = 4,
  /* an entry at the start of each term (thesis 6.4); off: reads wait for the first proposal */
  VLOT_SWITCH_NOOP = 8,
  /* off: every election timeout is exactly election_ticks_min */
  VLOT_SWITCH_RANDOM_TIMEOUT = 16,
  /* no change of configuration before an entry of this term has committed. Off: two leaders can
   * have configurations without a common quorum, and lose what is committed (Ongaro, raft-dev, 10
   * July 2015); to be looked at, not to be used */
  VLOT_SWITCH_TERM_FIRST = 32,
  VLOT_SWITCH_ALL = 63,
  VLOT_SWITCH_SAFE = 31, /* those that no safety depends on */
};

/* What a client wants in the log. Borrowed for the call that it is an argument of. */
typedef struct vlot_command {
  const uint8_t *data; /* [size]; may be NULL where size is 0 */
  size_t size; /* bytes; above the option entry_bytes_max: VLOT_TOO_LARGE, data is not read */
  /* NULL: data is copied; else data lies in these bytes, which are retained */
  vlot_bytes *owner;
} vlot_command;

typedef enum vlot_input_kind {
  /* time goes on; fires the timers that are due; give one before other inputs when time has
   * passed */
  VLOT_INPUT_TICK = 1,
  VLOT_INPUT_MESSAGE,       /* a message arrived */
  VLOT_INPUT_PROPOSE,       /* replicate commands; in order, as one run */
  VLOT_INPUT_READ,          /* from which index on is a read linearizable? (thesis 6.4) */
  VLOT_INPUT_CAMPAIGN,      /* start an election, through PreVote when that is on */
  VLOT_INPUT_ELECT,         /* start a forced election: no PreVote, overrides stickiness */
  VLOT_INPUT_STEP_DOWN,     /* a leader, or a candidate, becomes a follower */
  VLOT_INPUT_FORGET_LEADER, /* a follower forgets its leader and grants votes at once */
  /* storage: the write with this token, and every earlier one, is durable */
  VLOT_INPUT_STORED,
  VLOT_INPUT_WRITE_FAILED, /* storage: the write with this token failed: the node is fenced */
  VLOT_INPUT_APPLIED,      /* the machine has applied everything up to this index */
  VLOT_INPUT_SWITCHES,     /* set the protections */
  /* a snapshot of the own machine exists, durably: the log below it may be dropped */
  VLOT_INPUT_SNAPSHOT_TAKEN,
  VLOT_INPUT_RESTORED,      /* what became of output.restore */
  VLOT_INPUT_CHANGE,        /* change who belongs to the cluster (section 6, thesis 4) */
  VLOT_INPUT_CANCEL_CHANGE, /* give up the change that waits for new voters to catch up */
  VLOT_INPUT_TRANSFER,      /* hand leadership over (thesis 3.10) */
  VLOT_INPUT_RANKS,         /* set the ranks of all members */
} vlot_input_kind;

typedef struct vlot_input {
  vlot_input_kind kind;
  union {
    /* TICK. Time that has passed must be told before what arrives after it: a heartbeat taken at an
     * old `now` resets the election timer, and ticks told later that had passed before it would
     * count again. */
    struct {
      uint64_t now; /* cluster tick as this node sees it; never backwards */
      /* ticks to count for the election and heartbeat timers; <= now - the last now */
      uint64_t elapsed;
      /* somebody made time pass for this node alone; what its timers do then is TIMER_FIRED */
      uint32_t is_fired;
    } tick;
    const vlot_message *message;
    struct {
      const vlot_command *commands; /* [count], count > 0 */
      uint32_t count;
    } propose;
    uint64_t read_tag; /* comes back in output.reads */
    uint64_t token;    /* STORED, WRITE_FAILED: of a write that this core has asked for */
    uint64_t index;    /* APPLIED: not above what has been handed out in output.apply */
    uint32_t switches; /* SWITCHES: VLOT_SWITCH_*, all that are to be on */
    struct {
      /* whole; at an index that is applied and durable here (vlot_raft_status), of the term of the
       * entry there, with vlot_raft_configuration_at(). Retained */
      vlot_snapshot *snapshot;
      /* the log goes up to here: at most the snapshot's index, and below it by what is kept for
       * slow followers; 0: none of it */
      uint64_t compact_to;
    } taken;
    /* RESTORED. VLOT_OK: a new machine stands beside the old one, and waits for its swap.
     * VLOT_CORRUPT: the snapshot is not what it says (vlot_snapshot_verify()): it is fetched anew.
     * Anything else: the node is fenced, why RESTORE_FAILED */
    vlot_result restored;
    struct {
      const vlot_edit *edits; /* [count], count > 0 */
      uint32_t count;
      uint32_t is_joint; /* 1: by joint consensus, even where one step would do */
      /* the configuration in force must be the one of this index (compare and set); 0: any */
      uint64_t expected_index;
      uint64_t tag; /* comes back in output.answers */
    } change;
    struct {
      uint32_t to;    /* 0: to whom it suits best */
      uint32_t ticks; /* after which it is given up; 0: election_ticks_min */
      uint64_t tag;   /* comes back in output.answers */
    } transfer;
    struct {
      const vlot_rank *ranks; /* [count], at most VLOT_MEMBERS_MAX, copied; instead of all before */
      uint32_t count;
    } ranks;
  } as;
  /* the driver's own word for this input, which the core does not look at: whatever follows from it
   * has it too, also in a later step */
  uint64_t cause;
} vlot_input;

/* --- output ----------------------------------------------------------------------------------- */

typedef enum vlot_role {
  VLOT_ROLE_FOLLOWER = 0,
  VLOT_ROLE_PRE_CANDIDATE,
  VLOT_ROLE_CANDIDATE,
  VLOT_ROLE_LEADER,
} vlot_role;

/* "follower", "pre-candidate", "candidate", "leader"; "?" outside the table. Static. */
VLOT_API const char *vlot_role_name(vlot_role role);

/* A core lets 65,536 writes wait for storage, and as many answers for them. Beyond that it refuses
 * commands (VLOT_BUSY) and does not campaign, and messages that would leave something waiting are
 * ignored as if they had been lost; why: WRITES_FULL. */

/* What must survive a restart beside the log; one record. */
typedef struct vlot_hard_state {
  uint64_t term;     /* the current term; 0 at a first start */
  uint32_t vote;     /* the member that got the vote of this term; 0: none */
  uint32_t reserved; /* 0 */
  union {
    uint64_t disk_id; /* id of the disk, made at bootstrap or when a blank disk was found */
    uint64_t disk;    /* its older name */
  };
} vlot_hard_state;

/* One atomic write: all of it is durable, or none. */
typedef struct vlot_write {
  /* answer with STORED or WRITE_FAILED; 0: there is nothing to write */
  uint64_t token;
  uint64_t truncate_from; /* first remove the entries from this index on; 0: none */
  vlot_hard_state hard;   /* as it is now; to be written where has_hard is 1 */
  uint32_t has_hard;      /* 1: hard has changed */
  uint32_t slice_count;
  const vlot_slice *slices; /* [slice_count] then append these; contiguous */
  /* NULL; or first, instead of truncate_from: all entries go, this is the disk's snapshot from now
   * on, and the log begins after its index, term and configuration. Borrowed */
  vlot_snapshot *snapshot;
} vlot_write;

/* Result of one input that asks for something:
 *
 * PROPOSE          VLOT_OK: all commands stand in the log. VLOT_NOT_LEADER; VLOT_INVALID: there are
 *                  none; VLOT_BUSY (why TAIL_FULL, LOG_FULL, INDEX_LIMIT, WRITES_FULL) and
 *                  VLOT_TOO_LARGE
 *                  (why ENTRY_TOO_LARGE): only those that `accepted` counts do
 * READ             VLOT_OK: it will be answered in reads, in this step or a later one.
 *                  VLOT_NOT_LEADER, VLOT_BUSY (why READS_FULL): it will not
 * CAMPAIGN, ELECT  VLOT_OK: it has begun; VLOT_EXISTS: it leads already; VLOT_REJECTED: why
 * STEP_DOWN        VLOT_OK; VLOT_NOT_LEADER: it is a follower already
 * FORGET_LEADER    VLOT_OK; VLOT_INVALID: it leads
 * SNAPSHOT_TAKEN   VLOT_OK: it is the node's snapshot now. VLOT_REJECTED (why SNAPSHOT_STALE):
 *                  there is a newer one; forget it. VLOT_INVALID: it is not as the input must be
 * RESTORED         VLOT_OK: keep the new machine until output.has_swapped. VLOT_REJECTED: free it;
 *                  why SNAPSHOT_STALE (the log has all of it by now) or SNAPSHOT_CORRUPT.
 *                  VLOT_INVALID: nothing is being restored
 * CHANGE           VLOT_OK: it will be answered in answers, in this step or a later one. Else
 *                  nothing changes. VLOT_NOT_LEADER; VLOT_BUSY (why CHANGE_UNDER_WAY,
 *                  NO_ENTRY_OF_TERM, TRANSFER, WRITES_FULL, INDEX_LIMIT): another time;
 *                  VLOT_REJECTED (why CONFIG_CHANGED: another configuration is in force than was
 *                  expected; WOULD_LOSE_QUORUM, DISK_KNOWN); VLOT_NOT_FOUND (why NO_SUCH_MEMBER);
 *                  VLOT_EXISTS (why MEMBER_EXISTS); VLOT_INVALID (why NO_VOTER_LEFT,
 *                  TOO_MANY_MEMBERS, NO_EFFECT, MEMBER_TWICE, MIXED_WITH_DISK, or none: an unknown
 *                  kind of edit, id 0, no edits). accepted: so many edits are in order, the next
 *                  one is the refused
 * CANCEL_CHANGE    VLOT_OK: it is being given up, and answered CANCELLED. VLOT_NOT_LEADER;
 *                  VLOT_NOT_FOUND: there is none; VLOT_REJECTED (why CHANGE_UNDER_WAY): it is
 *                  beyond catching up
 * TRANSFER         VLOT_OK: it will be answered in answers. VLOT_NOT_LEADER; VLOT_BUSY (why
 *                  TRANSFER); VLOT_NOT_FOUND (why NO_SUCH_MEMBER: or there is nobody to hand over
 *                  to); VLOT_INVALID (why IS_LEADER: to itself, NOT_A_VOTER); VLOT_REJECTED (why
 *                  FOREIGN_DISK, NOT_CAUGHT_UP: it needs a snapshot)
 * RANKS            VLOT_OK; VLOT_INVALID: too many, id 0
 */
typedef struct vlot_outcome {
  uint32_t input; /* its position in inputs */
  vlot_result result;
  vlot_why why; /* NONE with VLOT_OK */
  /* PROPOSE: so many commands, from the first on, stand in the log; the rest is certainly not
   * committed. CHANGE, refused: so many edits are in order */
  uint32_t accepted;
  uint64_t index; /* PROPOSE: index of the first one; 0 where none is accepted */
  uint64_t term;  /* the node's, when it took the input */
} vlot_outcome;

/* A read is answered (thesis 6.4). */
typedef struct vlot_read_answer {
  uint64_t tag;       /* the input's read_tag */
  uint64_t index;     /* it may be served once everything up to here is applied; 0 unless VLOT_OK */
  vlot_result result; /* VLOT_OK; VLOT_NOT_LEADER: leadership was lost before */
  vlot_why why;       /* NONE with VLOT_OK */
} vlot_read_answer;

/* What became of a CHANGE or a TRANSFER that was accepted. Each gets exactly one.
 *
 * CHANGE    VLOT_OK: the configuration at index is committed. VLOT_REJECTED: certainly nothing
 *           changed; why NOT_CAUGHT_UP (new voters do not come closer), CANCELLED. VLOT_UNKNOWN
 *           (why LEADERSHIP_LOST): the next leader goes on with it, or never heard of it
 * TRANSFER  VLOT_OK: the target leads. VLOT_REJECTED: leadership stays, or went elsewhere; why
 *           DEADLINE, NOT_A_VOTER (the target does not vote any more), NOT_CAUGHT_UP (it fell
 *           behind), ELECTED_OTHER. VLOT_UNKNOWN (why DEADLINE): the target was told to campaign
 */
typedef struct vlot_late_answer {
  uint32_t what; /* vlot_input_kind: VLOT_INPUT_CHANGE, VLOT_INPUT_TRANSFER */
  vlot_result result;
  vlot_why why;  /* NONE with VLOT_OK */
  uint32_t peer; /* TRANSFER: the target. CHANGE: who did not catch up; else 0 */
  uint64_t tag;
  uint64_t index; /* CHANGE: of the configuration's entry; else 0 */
} vlot_late_answer;

/* Own proposals that certainly were not committed: indexes [first, last], proposed in term, hold
 * other entries. */
typedef struct vlot_lost {
  uint64_t term;  /* in which they were proposed */
  uint64_t first; /* index of the first one */
  uint64_t last;  /* index of the last one */
} vlot_lost;

/* What happened inside, with the reason: kind, then the meaning of peer, from, to, term.
 *
 * TERM      current term: from -> to; peer whose message brought it
 * ROLE      role: from -> to, in term
 * LEADER    known leader: from -> to (0 none), in term
 * CAMPAIGN  an election begins; from: 0 pre-vote, 1 vote, 2 forced; to: last index; in term
 * VOTE      asked for a vote: peer candidate; from: 1 pre-vote; to: 1 granted, 0 not: why; term
 * TALLY     a vote was counted: peer voter; from: granted so far; to: quorum; why when refused
 * APPEND    entries from … to of term stand in the log now; peer: leader
 * TRUNCATE  entries from … to were removed; why
 * MATCH     leader: peer's match index from -> to
 * PROGRESS  leader: peer's replication state from -> to
 * MISMATCH  follower: refused an append; peer leader; from prev, to hint index
 * DURABLE   log is durable up to `to` (was from); term: durable term; peer: durable vote
 * COMMIT    commit index from -> to; term: of the entry at `to`
 * IGNORED   a message was ignored: peer sender; from its kind; term its term; why
 * FENCED    the node refuses to go on: why; peer, from, to, term are the evidence
 * SNAPSHOT_TAKEN      its snapshot is one of its own machine at `to` (was at from), entry of term
 * SNAPSHOT_SENT       leader: bytes from … to of a snapshot leave for peer; term: its index
 * SNAPSHOT_INSTALLED  log and commit index begin at peer's snapshot, at `to` of term; the commit
 *                     index was from. Durable, and the machine's, with a DURABLE that follows
 * COMPACTED           the log's base from -> to; term: of the entry at `to`
 * CONFIG    the configuration in force is the one of `to` now (was from): an entry was appended, or
 *           truncated (to < from), or a snapshot installed; peer: leader
 * ROUND     leader: peer, a new voter, begins its from-th round of catching up, to index `to`; why
 *           NOT_CAUGHT_UP, CANCELLED: it is given up; from 0: it has caught up
 * TRANSFER  leader: hands over to `to` (was from; 0: to nobody, why); in term
 */
#define VLOT_CHANGES(X)     \
  X(TERM, 1)                \
  X(ROLE, 2)                \
  X(LEADER, 3)              \
  X(CAMPAIGN, 4)            \
  X(VOTE, 5)                \
  X(TALLY, 6)               \
  X(APPEND, 7)              \
  X(TRUNCATE, 8)            \
  X(MATCH, 9)               \
  X(PROGRESS, 10)           \
  X(MISMATCH, 11)           \
  X(DURABLE, 12)            \
  X(COMMIT, 13)             \
  X(IGNORED, 14)            \
  X(FENCED, 15)             \
  X(SNAPSHOT_TAKEN, 16)     \
  X(SNAPSHOT_SENT, 17)      \
  X(SNAPSHOT_INSTALLED, 18) \
  X(COMPACTED, 19)          \
  X(CONFIG, 20)             \
  X(ROUND, 21)              \
  X(TRANSFER, 22)

typedef enum vlot_change_kind {
#define VLOT_X(name, number) VLOT_CHANGE_##name = number,
  VLOT_CHANGES(VLOT_X)
#undef VLOT_X
} vlot_change_kind;

/* What a node's next timer is for: number, and words for people. */
#define VLOT_DUES(X)                                                            \
  X(NOTHING, 0, "nothing")                                                      \
  X(ELECTION, 1, "election timeout")                                            \
  X(HEARTBEAT, 2, "heartbeat")                                                  \
  X(SILENCE, 3, "asks who does not answer") /* docs/decisions/silence.md */     \
  X(COMMIT, 4, "tells the commit index")    /* which nothing else took along */ \
  X(QUORUM, 5, "looks for a quorum")                                            \
  X(APPLY, 6, "goes on applying") /* what was put off without memory */         \
  X(FORWARD, 7, "forwards again") /* the cluster's: what clients asked */       \
  X(SNAPSHOT, 8, "sends more of a snapshot")                                    \
  X(MEMBERSHIP, 9, "changes members or leader")

typedef enum vlot_due {
#define VLOT_X(name, number, text) VLOT_DUE_##name = number,
  VLOT_DUES(VLOT_X)
#undef VLOT_X
} vlot_due;

/* "heartbeat" …, as the table has it; "?" outside of it. Static. */
VLOT_API const char *vlot_due_text(vlot_due due);

typedef struct vlot_change {
  uint16_t kind; /* vlot_change_kind; what the rest means stands in the table above */
  uint16_t why;  /* vlot_why */
  uint32_t peer;
  uint64_t from;
  uint64_t to;
  uint64_t term;
  /* of the input that completed it. COMMIT of a leader: the reply, or the STORED, with which a
   * quorum had it; DURABLE: as write_cause of the newest write that it completes */
  uint64_t cause;
} vlot_change;

/* A node, in short. */
typedef struct vlot_brief {
  uint64_t term;
  uint64_t last_index;   /* of its log */
  uint64_t commit_index; /* as it knows it */
  uint32_t vote;         /* of this term; 0: none */
  uint32_t role;         /* vlot_role */
} vlot_brief;

/* Why a message is sent, where that is not plain. */
typedef struct vlot_sent_why {
  uint32_t message; /* its place in messages */
  vlot_why why;     /* SILENCE, COMMIT_ALONE, LINK_IN_DOUBT */
} vlot_sent_why;

/* What a driver carries out after a step. Everything is borrowed until the next call on this core.
 *
 * Safety needs
 *   writes    are submitted in the order of their tokens, none left out, each as one record; STORED
 *             names only what is durable
 *   apply     in the order of the indexes, from output to output; each entry once per core. Where
 *             has_swapped is 1 the new machine takes the place of the old one first
 *   reads     one with VLOT_OK is served when everything up to its index is applied here
 * Free is, within one output, the order of write, messages, apply and reads: no message in it needs
 * its write, because one that does stays in the core until the step that takes the STORED; and what
 * is in apply is committed, durable here or not. Messages may be lost, overtake each other and come
 * twice. Outcomes, lost and changes ask for nothing. An outcome comes in an earlier output than its
 * entries in apply, so that a driver which notes outcomes finds whom to answer.
 */
typedef struct vlot_output {
  vlot_write write; /* hand to storage; write.token 0: nothing */
  /* [message_count] send; all releasable: what waits for durability is not here yet */
  const vlot_message *messages;
  /* [message_count] the input that asked for it, of an earlier step where it had to wait for
   * durability. A leader's append: what made it possible last, the entries or room for them; 0:
   * neither in this step, as where it was put off without memory */
  const uint64_t *message_causes;
  /* [why_count] those of the messages that have a why, in their order: appends that time sends,
   * heartbeats excepted, and questions over a link that has lost something */
  const vlot_sent_why *whys;
  /* [apply_count] committed, to be applied in order, each entry once */
  const vlot_slice *apply;
  const vlot_read_answer *reads; /* [read_count] */
  /* [lost_count] early word for drivers that wait by index alone; who waits for (index, term) sees
   * it in what is applied, as the cluster does */
  const vlot_lost *lost;
  const vlot_outcome *outcomes; /* [outcome_count] in the order of their inputs */
  const vlot_change *changes;   /* [change_count] in the order they happened */
  /* of the newest input that changed what is in write; a STORED stands for the write that it
   * completed */
  uint64_t write_cause;
  uint32_t message_count;
  uint32_t why_count;
  uint32_t apply_count;
  uint32_t read_count;
  uint32_t lost_count;
  uint32_t outcome_count;
  uint32_t change_count;
  uint32_t consumed;   /* inputs taken; fewer than given after VLOT_NOMEM or VLOT_FENCED */
  uint32_t leader;     /* known after this step; 0: none */
  uint64_t next_timer; /* the `now` at which a TICK is needed next; VLOT_NEVER */
  vlot_brief after;    /* the node after this step */
  /* something waits for STORED; 0: it may as well come with the next input, whenever that is */
  uint32_t awaits_storage;
  vlot_due next_due; /* what next_timer is for */
  /* 1: what was RESTORED is durable: the new machine takes the old one's place, before apply */
  uint32_t has_swapped;
  /* NULL; or a snapshot that is here in full: verify it, restore a new machine from it, and say
   * RESTORED, in its own time. Nothing more comes in apply until then. Borrowed: retain it */
  vlot_snapshot *restore;
  uint64_t restore_cause; /* of the chunk that was missing to it */
  /* the log up to here may be dropped, when it suits: all of it is durable, and so is the snapshot
   * above; 0: nothing */
  uint64_t compact_index;
  uint64_t compact_term;           /* of the entry there */
  const vlot_late_answer *answers; /* [answer_count] */
  uint32_t answer_count;
  uint32_t reserved; /* 0 */
} vlot_output;

/* --- a core ----------------------------------------------------------------------------------- */

typedef struct vlot_raft vlot_raft;

/* An entry of a log that is given back at start. */
typedef struct vlot_log_entry {
  uint64_t term;    /* 1 …; never decreasing along the log */
  vlot_entry entry; /* a no-op must be empty */
} vlot_log_entry;

/* What an entry takes beside its payload, as limits count it. */
#define VLOT_ENTRY_OVERHEAD 16

typedef struct vlot_raft_options {
  /* sizeof(vlot_raft_options), set by vlot_raft_options_init() */
  size_t size;
  const vlot_allocator *allocator; /* NULL: the default; borrowed for the core's life */
  uint32_t id;                     /* this member */
  /* 1 … VLOT_MEMBERS_MAX, at least one voter; 0: it waits for a configuration. Until then it votes,
   * where others' configuration names it, and takes appends, but never campaigns */
  uint32_t member_count;
  const vlot_member *members; /* [member_count] the configuration at the base; copied */
  uint64_t seed;              /* of the election timeouts */
  uint64_t now;               /* tick at start */
  /* requests and tokens are numbered from here; give every incarnation another range */
  uint64_t request_base;
  uint32_t election_ticks_min; /* T: default 15; > heartbeat_ticks, at most 2^20 */
  /* a timeout is drawn from [min, max): default 30; > min, at most 2^21 */
  uint32_t election_ticks_max;
  uint32_t heartbeat_ticks;    /* default 5; >= 1 */
  uint32_t switches;           /* VLOT_SWITCH_*: default VLOT_SWITCH_ALL */
  uint32_t entry_bytes_max;    /* payload of an entry: default 4 MiB, at most 64 MiB */
  uint32_t append_entries_max; /* entries per message: default 4,096, at most 65,536 */
  /* payload per message (one entry always fits): default 1 MiB, at most 64 MiB */
  uint32_t append_bytes_max;
  uint32_t window_messages_max; /* appends in flight per peer: default 64, at most 1,024 */
  uint64_t window_bytes_max;    /* payload in flight per peer: default 4 MiB, at most 1 GiB */
  /* not committed yet, at a leader (one entry always fits): default 64 MiB, at most 1 GiB; each
   * entry counts with its payload and VLOT_ENTRY_OVERHEAD, so that empty ones come to an end too */
  uint64_t tail_bytes_max;
  uint32_t reads_max;         /* pending reads: default 65,536, at most 2^20 */
  uint32_t apply_entries_max; /* handed out and not yet APPLIED: default 65,536, at most 2^20 */
  /* what storage gave back; at a first start all zero but hard.disk, where the members' disks are
   * told apart */
  vlot_hard_state hard;
  uint64_t base_index; /* the log begins after this index; 0: at the beginning */
  uint64_t base_term;  /* of the entry there; 0 exactly when base_index is 0 */
  /* [log_slice_count] contiguous from base_index + 1; retained … */
  const vlot_slice *log_slices;
  const vlot_log_entry *log_entries; /* … or [log_entry_count], copied; not both */
  size_t log_slice_count;
  size_t log_entry_count;
  /* the newest durable snapshot, whole, retained, from which the machine was restored: it begins
   * there. At or above base_index; its configuration counts, not members, which may be none. A log
   * that does not hold its last entry is dropped (and the first write says so). NULL: none */
  vlot_snapshot *snapshot;
  uint32_t snapshot_chunk_bytes; /* of a chunk: default 256 KiB, at most 64 MiB */
  /* of chunks in flight per peer (one always fits): default 1 MiB, at most 1 GiB */
  uint32_t snapshot_window_bytes;
  /* of chunks per tick to all peers together: default 0, no limit; at most 1 GiB */
  uint32_t snapshot_tick_bytes;
  uint32_t reserved;           /* 0 */
  uint64_t snapshot_bytes_max; /* a larger one is not taken from a leader: default 1 GiB */
  /* of its log above its snapshot, as tail_bytes_max counts; beyond it a leader refuses commands,
   * why LOG_FULL (the first of a term always fits): default 0, no limit */
  uint64_t log_bytes_max;
  const vlot_rank *ranks; /* [rank_count], at most VLOT_MEMBERS_MAX, copied; default none */
  uint32_t rank_count;
  uint32_t reserved_ranks; /* 0 */
} vlot_raft_options;

/* Set size and the defaults above; request_base is 1, and what has no default is 0 or NULL. id,
 * members and member_count are still to be given.
 */
VLOT_API void vlot_raft_options_init(vlot_raft_options *options);

/* Make a core. It starts as a follower at hard.term, with the commit index of its snapshot, or
 * base_index where it has none; its first timer shows in its status.
 *
 * out      out: the core, closed with vlot_raft_close(); NULL unless VLOT_OK
 * options  copied; what it points to is borrowed for the call, but for the allocator, the slices'
 *          batches and snapshot, as said there
 * problem  out: what is wrong with the options, a static sentence, NULL when nothing is; NULL to
 *          ignore
 * returns  VLOT_OK; VLOT_INVALID (nothing was made, *problem says why); VLOT_NOMEM
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_raft_open(vlot_raft **out,
                                                    const vlot_raft_options *options,
                                                    const char **problem);

/* Free the core, and with it its last output. NULL is allowed. */
VLOT_API void vlot_raft_close(vlot_raft *raft);

/* Take inputs, in order, and say what follows.
 *
 * inputs   [count], borrowed for the call; how inputs are grouped into steps changes how messages
 *          are grouped, never safety. NULL with count 0: a step that takes nothing
 * output   out: borrowed until the next call on this core; valid for every result
 * returns  VLOT_OK      all inputs were taken
 *          VLOT_NOMEM   output->consumed were taken; of the next one nothing has happened: give it
 *                       again later
 *          VLOT_FENCED  a Raft promise is broken or a write failed: this core takes no input any
 *                       more; the last change says why. As after a crash, its output may be carried
 *                       out or not; after a failed write it asks for no other
 * asserts  say APPLIED for no index above what was handed out in apply. What a message or a storage
 *          says is never asserted: it is refused, or fences the node
 * thread   one at a time; never blocks
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_raft_step(vlot_raft *raft, const vlot_input *inputs,
                                                    uint32_t count, const vlot_output **output);

/* Its newest snapshot: given at open, taken or installed; NULL: none. Borrowed until the next
 * step. */
VLOT_API vlot_snapshot *vlot_raft_snapshot(const vlot_raft *raft);

typedef struct vlot_raft_status {
  uint32_t id;
  vlot_role role;
  uint64_t term;
  uint32_t vote;   /* of this term; 0: none */
  uint32_t leader; /* 0: none known */
  uint64_t commit_index;
  uint64_t applied_index; /* as told by APPLIED */
  uint64_t base_index;
  uint64_t first_index;      /* base_index + 1 */
  uint64_t last_index;       /* base_index when the log is empty */
  uint64_t last_term;        /* base_term when the log is empty */
  uint64_t durable_index;    /* the log is durable up to here */
  uint64_t durable_term;     /* term of the hard state that is durable */
  uint64_t now;              /* the highest one told by TICK */
  uint64_t next_timer;       /* as the last output said … */
  vlot_due next_due;         /* … and what it is for */
  uint32_t election_ticks;   /* the election timeout drawn last */
  uint32_t election_elapsed; /* ticks since it was reset */
  uint32_t votes_granted;    /* in the last campaign */
  uint32_t quorum;           /* of the voters */
  uint32_t switches;         /* VLOT_SWITCH_* that are on */
  uint32_t is_voter;         /* 0: a learner */
  /* of uncommitted entries at a leader, as tail_bytes_max counts them */
  uint64_t tail_bytes;
  uint32_t held_messages; /* waiting for durability */
  uint32_t pending_reads; /* registered and not answered */
  uint32_t is_fenced;     /* it takes no input any more */
  vlot_why fenced_why;    /* NONE unless is_fenced */
  /* leader: at its last look, one every T, no quorum had answered since the one before */
  uint32_t lacks_quorum;
  /* its configuration names another disk for it: what it says does not count */
  uint32_t has_foreign_disk;
  uint64_t snapshot_index; /* of its newest snapshot; 0: none */
  uint64_t log_bytes;      /* above it, as log_bytes_max counts them; 0 where that is 0 */
  /* a snapshot that comes from a leader: its index, size, and how much is here in one piece; 0 */
  uint64_t receives_index;
  uint64_t receives_size;
  uint64_t receives_offset;
  uint32_t is_installing;  /* it is here in full: being restored, or written */
  uint32_t is_joint;       /* its configuration is */
  uint64_t config_index;   /* of the configuration in force */
  uint32_t is_changing;    /* that is not the last one: it is not committed, joint, or has wishes */
  uint32_t transfer_to;    /* leader: whom it hands over to; 0: nobody */
  uint32_t transfer_ticks; /* until that is given up */
  uint32_t rank;           /* its own */
} vlot_raft_status;

/* How the core is, as of its last step. */
VLOT_API void vlot_raft_get_status(const vlot_raft *raft, vlot_raft_status *status);

typedef enum vlot_progress_state {
  /* looking for the point where the logs agree: one message at a time */
  VLOT_PROGRESS_PROBE = 0,
  VLOT_PROGRESS_REPLICATE, /* known to agree: pipelined */
  VLOT_PROGRESS_SNAPSHOT,  /* what it needs is below the base: it is sent a snapshot */
} vlot_progress_state;

typedef struct vlot_progress {
  uint32_t id; /* the peer */
  vlot_progress_state state;
  uint64_t match_index; /* known to be durable there, and equal */
  uint64_t next_index;  /* of the next entry to send */
  uint64_t dealing;
  uint64_t acked_request;     /* the newest request that it has answered; 0: none */
  uint64_t inflight_bytes;    /* payload that was sent and not answered */
  uint32_t inflight_messages; /* appends that were sent and not answered */
  uint32_t is_active;         /* heard from since the last quorum check */
  vlot_why why; /* NEEDS_SNAPSHOT (and there is none), SNAPSHOT_TOO_LARGE, FOREIGN_DISK, or NONE */
  uint32_t is_voter;
  /* SNAPSHOT: its index and size, and up to where the peer has it in one piece; else 0 */
  uint64_t snapshot_index;
  uint64_t snapshot_size;
  uint64_t snapshot_acked;
  /* a new voter that is caught up: the number of its round and where that ends; 0: none, or done */
  uint64_t round_index;
  uint32_t round;
  uint32_t round_ticks; /* since it began */
} vlot_progress;

/* A leader's view of a peer.
 *
 * progress  out: all 0 but the id, unless VLOT_OK
 * returns   VLOT_OK; VLOT_NOT_LEADER; VLOT_NOT_FOUND: peer is no other member
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_raft_get_progress(const vlot_raft *raft, uint32_t peer,
                                                            vlot_progress *progress);

/* The entry at an index.
 *
 * term, entry  out, both needed; the entry's data is borrowed until the next step
 * returns      VLOT_OK; VLOT_NOT_FOUND outside [first_index, last_index], nothing is set
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_raft_get_entry(const vlot_raft *raft, uint64_t index,
                                                         uint64_t *term, vlot_entry *entry);

/* The configuration in force, borrowed until the next step.
 *
 * index  out: of the entry that brought it, the base's for the one the log begins with; NULL to
 *        ignore
 */
VLOT_API vlot_configuration *vlot_raft_configuration(const vlot_raft *raft, uint64_t *index);

/* The configuration in force at an index from its snapshot, or else its base, to its last; for a
 * snapshot there. Borrowed until the next step; NULL elsewhere, and where this core waited for one:
 * then it takes no snapshot there. */
VLOT_API vlot_configuration *vlot_raft_configuration_at(const vlot_raft *raft, uint64_t index);

/* What a check saw of a core, for the next one to compare with. All 0 before a core's first check;
 * otherwise only vlot_raft_check() has a use for it. */
typedef struct vlot_raft_seen {
  uint64_t term;
  uint64_t base_index;
  uint64_t last_index;
  uint64_t commit_index;
  uint64_t handed_index;
  uint64_t applied_index;
  uint64_t stored_token;
  uint64_t last_token;
  uint64_t next_request;
  uint64_t now;
  uint64_t snapshot_index;
  uint32_t vote;
  uint32_t role;
  uint32_t is_fenced;
  uint32_t reserved;
} vlot_raft_seen;

/* Does a core keep its own laws (src/raft/invariant.c)? To be asked after a step, before the next.
 * Debug builds ask after each by themselves and abort; a cluster's checker asks where has_checker
 * says so. It costs members, messages that wait and what the step put out, not the length of the
 * log.
 *
 * seen     in and out: as the last check of this core left it; all 0 before its first
 * returns  NULL: all of them hold; else the one that is broken, a static sentence
 */
VLOT_API const char *vlot_raft_check(const vlot_raft *raft, vlot_raft_seen *seen);

#ifdef __cplusplus
}
#endif

#endif
