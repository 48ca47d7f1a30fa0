/* The state of one core, and the laws that change it. Internal to src/raft.
 *
 * Reading order: core.c (step: take inputs, then finish), role.c (the only writer of role, term,
 * vote and leader), election.c (campaigns and votes), follower.c (appends), leader.c (progress,
 * commit, sends), reads.c, output.c, status.c.
 *
 * One function per law:
 *   observe a term      vlot__role_observe_term()    grant a vote       vlot__election_on_vote()
 *   advance commit      vlot__commit_to()            acknowledge        vlot__leader_on_reply()
 *   durable, release    vlot__durable_on_stored()    leave a message    vlot__out_when_stored()
 */
#ifndef VLOT_RAFT_CORE_H
#define VLOT_RAFT_CORE_H

#include "base/alloc.h"
#include "base/assert.h"
#include "base/prng.h"
#include "base/ring.h"
#include "raft/log.h"
#include "raft/quorum.h"
#include "vlot/raft.h"

/* What a handler wants done next. Handlers do not call each other: the switch in core.c reads
 * this. */
typedef enum vlot__next {
  VLOT__NEXT_NOTHING = 0,
  VLOT__NEXT_PRE_CAMPAIGN, /* ask for pre-votes, or campaign at once where PreVote is off */
  VLOT__NEXT_CAMPAIGN,     /* raise the term and ask for votes */
  VLOT__NEXT_ELECT,        /* the same, forced */
  VLOT__NEXT_LEAD,         /* the election is won */
} vlot__next;

typedef enum vlot__vote {
  VLOT__VOTE_UNKNOWN = 0,
  VLOT__VOTE_GRANTED,
  VLOT__VOTE_REFUSED,
} vlot__vote;

/* An append that was sent and is not acknowledged. */
typedef struct vlot__inflight {
  uint64_t last_index;
  uint64_t bytes;
} vlot__inflight;

/* A member, as seen from here. The progress part means something at a leader only. */
typedef struct vlot__peer {
  uint32_t id;
  bool is_voter;
  vlot__vote vote;  /* in the campaign under way */
  uint64_t disk_id; /* of the configuration; 0: any */
  /* progress */
  vlot_progress_state state;
  uint64_t match_index;
  uint64_t next_index;
  uint64_t dealing;
  uint64_t acked_request; /* the newest request it answered in this dealing */
  uint64_t match_request; /* requests from this number on were sent knowing match_index */
  uint64_t sent_commit;
  uint64_t seen_disk_id; /* of its last reply; 0: none yet */
  vlot__ring inflight;   /* vlot__inflight, oldest first */
  uint64_t inflight_bytes;
  bool is_active;    /* answered since the last quorum check */
  bool is_paused;    /* PROBE: one message is out */
  bool wants_append; /* send, even when there is no entry to send */
  /* send one without entries, which is answered at once, however slow the disk */
  bool wants_heartbeat;
  vlot_why why;
} vlot__peer;

/* A write that storage has not completed. last_index shrinks when a later write overwrites its end,
 * so that its completion says nothing about entries that came after (B058).
 */
typedef struct vlot__pending_write {
  uint64_t token;
  uint64_t last_index;
  uint64_t term;
  uint32_t vote;
} vlot__pending_write;

/* A message that waits for durability. */
typedef struct vlot__held {
  uint64_t token;
  vlot_message message;
} vlot__held;

typedef struct vlot__read {
  uint64_t tag;
  uint64_t round; /* a quorum must answer requests from this number on */
  uint64_t index; /* 0: set when an entry of this term has committed */
} vlot__read;

/* Growable output arrays: they keep their memory from step to step. */
typedef struct vlot__buffer {
  void *items;
  size_t capacity;
  size_t count;
} vlot__buffer;

struct vlot_raft {
  vlot_raft_options options; /* limits and periods; its pointers are not kept */
  const vlot_allocator *allocator;
  uint32_t id;
  vlot_member *members; /* [peer_count] */
  vlot__peer *peers;    /* [peer_count], in the order of members */
  vlot__peer *self;
  bool has_peers;    /* those other than self are filled in */
  uint64_t *scratch; /* [peer_count] for quorum arithmetic */
  uint32_t peer_count;
  uint32_t voter_count;
  uint32_t switches;
  vlot__prng prng;
  vlot_batch *noop; /* one batch serves every term: a leader's first entry needs no memory */

  /* persistent state, as of the newest write asked for */
  vlot_hard_state hard;
  vlot__log log;
  vlot_bytes *base_snapshot;

  /* durability */
  vlot__ring writes; /* vlot__pending_write, oldest first */
  vlot__ring held;   /* vlot__held, in the order they were made */
  uint64_t last_token;
  uint64_t stored_token;
  uint64_t hard_token; /* of the write that holds the present hard state */
  uint64_t durable_index;
  uint64_t durable_term;
  uint32_t durable_vote;
  uint64_t submitted_index; /* last index that storage holds or was asked to hold */
  uint64_t change_from;     /* this step: lowest index that changed; UINT64_MAX none */
  uint32_t appended_slices; /* this step */
  bool has_hard_changed;    /* this step */

  /* volatile state */
  vlot_role role;
  uint32_t leader;
  uint64_t commit_index;
  uint64_t handed_index; /* last one handed out to be applied */
  uint64_t applied_index;

  /* time */
  uint64_t now;
  uint32_t election_ticks;
  uint32_t election_elapsed;
  uint32_t heartbeat_elapsed;
  uint32_t quorum_elapsed;
  bool lacks_quorum; /* of a leader, at its last check */

  /* campaign */
  uint64_t campaign_request;
  uint32_t votes_granted;
  uint32_t votes_refused;

  /* leadership */
  uint64_t next_request;
  uint64_t next_dealing;
  uint64_t term_first_index; /* first index of this leadership */
  uint64_t tail_bytes;
  bool has_new_match;  /* this step: commit may advance */
  vlot__ring reads;    /* vlot__read, oldest first */
  vlot__ring proposed; /* vlot_lost: own proposals not known to be committed or lost */

  bool is_fenced;
  vlot_why fenced_why;

  vlot__buffer out_messages, out_slices, out_write, out_apply, out_reads, out_lost, out_outcomes,
      out_changes;
  vlot_output output;
};

/* core.c: the tick at which time is needed next */
uint64_t vlot__next_timer(const vlot_raft *raft);

/* --- role.c: the only writer of role, term, vote and leader --- */
typedef enum vlot__term_verdict {
  VLOT__TERM_CURRENT,
  VLOT__TERM_STALE,
  VLOT__TERM_REFUSED
} vlot__term_verdict;

vlot__term_verdict vlot__role_observe_term(vlot_raft *raft, const vlot_message *message);
void vlot__role_follow(vlot_raft *raft, uint64_t term, uint32_t leader, uint32_t peer,
                       vlot_why why);
void vlot__role_pre_candidate(vlot_raft *raft, vlot_why why);
void vlot__role_candidate(vlot_raft *raft, vlot_why why);
void vlot__role_lead(vlot_raft *raft);
void vlot__role_vote_for(vlot_raft *raft, uint32_t candidate);
void vlot__role_forget_leader(vlot_raft *raft, vlot_why why);
void vlot__role_reset_election_timer(vlot_raft *raft); /* with a fresh draw */
bool vlot__role_is_sticky(const vlot_raft *raft);
void vlot__fence(vlot_raft *raft, vlot_why why, uint32_t peer, uint64_t from, uint64_t to,
                 uint64_t term);

/* --- election.c --- */
vlot_why vlot__election_obstacle(const vlot_raft *raft); /* NONE: this node may campaign */
vlot__next vlot__election_pre_campaign(vlot_raft *raft, vlot_why why);
vlot__next vlot__election_campaign(vlot_raft *raft, bool is_forced, vlot_why why);
vlot__next vlot__election_count_own_vote(vlot_raft *raft);
void vlot__election_on_vote(vlot_raft *raft, const vlot_message *message);
vlot__next vlot__election_on_reply(vlot_raft *raft, const vlot_message *message);

/* --- follower.c --- */
void vlot__follower_on_append(vlot_raft *raft, const vlot_message *message);

/* --- leader.c --- */
void vlot__leader_begin(vlot_raft *raft);
void vlot__leader_end(vlot_raft *raft);
void vlot__leader_propose(vlot_raft *raft, vlot_batch *batch, uint32_t count,
                          vlot_outcome *outcome);
void vlot__leader_on_reply(vlot_raft *raft, const vlot_message *message);
void vlot__leader_tick(vlot_raft *raft, uint32_t elapsed);
void vlot__leader_count_commit(vlot_raft *raft);
void vlot__leader_send(vlot_raft *raft);
bool vlot__leader_has_unsent_commit(const vlot_raft *raft);
void vlot__commit_to(vlot_raft *raft, uint64_t index);

/* --- reads.c --- */
void vlot__reads_register(vlot_raft *raft, uint64_t tag, vlot_outcome *outcome);
void vlot__reads_answer(vlot_raft *raft);
void vlot__reads_fail(vlot_raft *raft);

/* --- durable.c: tokens, held messages, the net write --- */
uint64_t vlot__durable_token_of(const vlot_raft *raft, uint64_t index);
void vlot__durable_append(vlot_raft *raft, const vlot_slice *slice, uint32_t peer);
void vlot__durable_truncate(vlot_raft *raft, uint64_t from, vlot_why why);
vlot__next vlot__durable_on_stored(vlot_raft *raft, uint64_t token);
void vlot__durable_write(vlot_raft *raft);

/* --- output.c --- */
static inline bool vlot__out_reserve(vlot_raft *raft, vlot__buffer *buffer, size_t more,
                                     size_t element) {
  return vlot__alloc_grow(raft->allocator, &buffer->items, &buffer->capacity, buffer->count + more,
                          element);
}
/* room must have been reserved */
static inline void *vlot__out_push(vlot__buffer *buffer, size_t element) {
  VLOT_ASSERT(buffer->count < buffer->capacity);
  return (char *)buffer->items + element * buffer->count++;
}
void vlot__out_change(vlot_raft *raft, vlot_change_kind kind, vlot_why why, uint32_t peer,
                      uint64_t from, uint64_t to, uint64_t term);
void vlot__out_when_stored(vlot_raft *raft, const vlot_message *message, uint64_t token);
vlot_message vlot__out_request(vlot_raft *raft, vlot_message_kind kind, uint32_t to);
vlot_message vlot__out_reply(vlot_raft *raft, vlot_message_kind kind, const vlot_message *to);

vlot__peer *vlot__peer_find(vlot_raft *raft, uint32_t id); /* NULL: no member */
/* before anybody looks at peers other than self */
void vlot__peers_make(vlot_raft *raft);

/* Do this peer's votes and acknowledgements count? Not from a disk that the configuration does not
 * know. */
static inline bool vlot__peer_counts_disk(const vlot__peer *peer, uint64_t disk) {
  return peer->disk_id == 0 || peer->disk_id == disk;
}

#endif
