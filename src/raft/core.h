/* The state of one core, and the laws that change it. Internal to src/raft.
 *
 * Reading order: core.c (step: take inputs, then finish), role.c (the only writer of role, term,
 * vote and leader), election.c (campaigns and votes), follower.c (appends), leader.c (progress,
 * sends; append.c, sending.c), install.c, commit.c, reads.c, durable.c, config.c, peers.c, change.c
 * (membership; edits.c, catchup.c), transfer.c, time.c, output.c, status.c; invariant.c has what
 * holds between steps.
 *
 * One function per law:
 *   observe a term      vlot__role_observe_term()    grant a vote       vlot__election_on_vote()
 *   advance commit      vlot__commit_to()            acknowledge        vlot__leader_on_reply()
 *   durable, release    vlot__durable_on_stored()    leave a message    vlot__out_when_stored()
 *   count a quorum      config.c                     configuration      vlot__configs_top()
 *
 * Calls go downhill: core.c calls the handlers, they call what is below them, and nobody calls back
 * up: a handler returns what follows from it.
 */
#ifndef VLOT_RAFT_CORE_H
#define VLOT_RAFT_CORE_H

#include "base/alloc.h"
#include "base/assert.h"
#include "base/prng.h"
#include "base/ring.h"
#include "raft/config.h"
#include "raft/receipt.h"
#include "vlot/raft.h"
#include "vlot/raft_log.h"

/* What a handler wants done next. Handlers do not call each other: the switch in core.c reads
 * this. */
typedef enum vlot__next {
  VLOT__NEXT_NOTHING = 0,
  VLOT__NEXT_PRE_CAMPAIGN,   /* ask for pre-votes, or campaign at once where PreVote is off */
  VLOT__NEXT_CAMPAIGN,       /* raise the term and ask for votes */
  VLOT__NEXT_ELECT,          /* the same, forced */
  VLOT__NEXT_TAKE_OVER,      /* the same, as the leader hands over */
  VLOT__NEXT_LEAD,           /* the election is won */
  VLOT__NEXT_COUNT_OWN_VOTE, /* a write is durable, with it perhaps the own vote */
  /* the election is lost: wait for the next timeout as a follower */
  VLOT__NEXT_LOSE,
  VLOT__NEXT_STEP_DOWN, /* a leader hears from no quorum */
  VLOT__NEXT_RETIRE,    /* a leader votes no more in what is committed */
} vlot__next;

typedef enum vlot__vote {
  VLOT__VOTE_UNKNOWN = 0,
  VLOT__VOTE_GRANTED,
  VLOT__VOTE_REFUSED,
} vlot__vote;

/* An input, as what follows from it knows it. */
typedef struct vlot__source {
  uint64_t cause; /* the driver's word for it */
  uint64_t place; /* later ones have higher ones, for as long as the core lives */
} vlot__source;

/* An append that was sent and is not acknowledged. */
typedef struct vlot__inflight {
  uint64_t last_index;
  uint64_t bytes;
} vlot__inflight;

/* How a new voter is caught up (thesis 4.2.1). */
typedef struct vlot__round {
  uint64_t end;        /* it has everything up to here: the round is over */
  uint64_t best;       /* the most that it had of the log … */
  uint64_t best_bytes; /* … or of a snapshot … */
  uint32_t idle;       /* … for so many ticks */
  uint32_t ticks;      /* since the round began */
  uint32_t number;     /* 1 …; 0: it is not caught up, or is already */
  bool is_done;
} vlot__round;

/* A member, as seen from here. The progress part means something at a leader only. */
typedef struct vlot__peer {
  uint32_t id;
  uint32_t stands_in;                     /* 1 << half: it is a member there */
  uint32_t votes_in;                      /* 1 << half: it votes there */
  uint64_t disk_ids[VLOT__CONFIG_HALVES]; /* by which disk, there; 0: any */
  vlot__vote vote;                        /* in the campaign under way … */
  uint64_t vote_disk_id;                  /* … and the disk that gave it */
  /* progress */
  vlot_progress_state state;
  uint64_t match_index;
  uint64_t next_index;
  uint64_t dealing;
  uint64_t acked_request; /* the newest request it answered in this dealing */
  uint64_t match_request; /* requests from this number on were sent knowing match_index */
  uint64_t asked_request; /* the newest one that was more than a heartbeat */
  uint64_t gap_request;   /* requests from this number on were sent knowing the newest gap */
  uint64_t sent_commit;
  uint64_t seen_disk_id;         /* of its last reply; 0: none yet */
  vlot__ring inflight;           /* vlot__inflight, oldest first */
  struct vlot__sending *sending; /* SNAPSHOT: on its way to it; else NULL */
  uint64_t inflight_bytes;
  bool is_active;    /* answered since the last quorum check … */
  bool was_active;   /* … and before it */
  bool is_paused;    /* PROBE: one message is out */
  bool wants_append; /* send, even when there is no entry to send */
  /* send one without entries, which is answered at once, however slow the disk */
  bool wants_heartbeat;
  uint32_t silent_ticks;  /* since it was heard from, or asked again, with something to answer */
  uint32_t silence_max;   /* it is asked again then; from a heartbeat on heartbeats do that */
  uint32_t doubt;         /* so many answers more make it a link that loses nothing */
  uint32_t answer_ticks;  /* what its answers took of late, at most */
  uint64_t timed_request; /* whose answer is waited for, to know that; 0: of none … */
  uint64_t timed_at;      /* … and when it was sent */
  vlot_why why;
  vlot__round round;
  vlot__source opened; /* since which there was a way for entries, or other ones to send */
  vlot__source asked;  /* which wanted an append or a heartbeat first … */
  vlot_why asked_why;  /* … and why, where time did */
} vlot__peer;

/* A write that storage has not completed. last_index shrinks when a later write overwrites its end,
 * so that its completion says nothing about entries that came after (B058).
 */
typedef struct vlot__pending_write {
  uint64_t token;
  uint64_t last_index;
  uint64_t term;
  uint64_t cause;
  uint32_t vote;
} vlot__pending_write;

/* So many writes that storage has not completed, and as many messages that wait for them: then a
 * core asks for no more of either. What may not be refused (the no-op of a leader) goes beyond. */
enum { VLOT__WRITES_MAX = 1 << 16 };

/* A message that waits for durability. */
typedef struct vlot__held {
  uint64_t token;
  uint64_t cause;
  vlot_message message;
} vlot__held;

/* A change of membership that the leader goes on with, and who asked for it. What is to become of
 * the configuration stands in it; here is only what a leader knows by itself. */
typedef struct vlot__change {
  bool is_due;      /* the configuration in force may be not the last one: look */
  bool is_asked;    /* somebody waits for an answer */
  bool is_joint;    /* two steps were demanded */
  bool is_ending;   /* the wishes were taken back, for this reason: */
  bool is_retiring; /* the last one is committed, and this node votes no more */
  vlot_why why;
  uint32_t peer; /* because of whom */
  uint64_t tag;
} vlot__change;

/* Leadership on its way to another; it outlives the leadership, until it is known who leads. */
typedef struct vlot__transfer {
  uint32_t to;      /* 0: it is not under way */
  uint32_t ticks;   /* until it is given up */
  bool is_asked;    /* somebody waits for an answer */
  bool is_sent;     /* it was told to campaign */
  bool is_repeated; /* it is to be told again */
  bool is_over;     /* the leadership is; who is next? */
  uint64_t tag;
  uint64_t dealing;     /* with the target, when it began */
  uint64_t ranked_term; /* the last one in which it handed over by rank */
} vlot__transfer;

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
  vlot__configs configs; /* who belongs to the cluster, by index */
  /* [peer_count] whoever stands in the configuration in force, in its order */
  vlot__peer *peers;
  vlot__peer *self;    /* among them; or the outsider */
  vlot__peer outsider; /* this node, where it waits for a configuration */
  bool has_peers;      /* those other than self are filled in */
  uint64_t *scratch;   /* [2 * peer_count] to count with */
  uint32_t peer_count;
  uint32_t peer_capacity, spare_capacity, scratch_capacity;
  uint32_t switches;
  vlot__prng prng;
  vlot_batch *noop; /* one batch serves every term: a leader's first entry needs no memory */

  /* persistent state, as of the newest write asked for */
  vlot_hard_state hard;
  vlot_log log;
  vlot_snapshot *snapshot; /* the newest one; NULL: none. At or above the log's base */
  uint64_t log_bytes;      /* of the log above it, where they are limited */

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
  bool has_new_base;        /* this step: the log begins at a snapshot that came or was given */
  bool owes_base;           /* the first step is to write so */

  /* a snapshot that comes; NULL: none does. From RESTORING on nothing is handed out */
  vlot__receipt *receipt;
  vlot__peer *spare_peers; /* where vlot__peers_change() makes the next table */
  bool has_new_config;     /* and it is due */

  bool has_open_config; /* the one in force may be not committed */
  /* a change is under way here, or a transfer: looked at after each step. Mostly there is none */
  bool has_business;
  vlot__change change;
  vlot__transfer transfer;
  vlot_rank *ranks; /* [rank_count] */
  uint32_t rank_count;
  uint32_t rank_delay; /* ticks by which those of higher rank go before */

  /* causes */
  vlot__source source;    /* what is done at present follows from it */
  uint64_t step_place;    /* below those of this step's inputs, above all earlier ones */
  uint64_t kept_cause;    /* as source, for what is kept beyond this step */
  uint64_t write_cause;   /* this step: kept_cause at the last change to be written */
  vlot__source appended;  /* which appended last … */
  uint64_t appended_from; /* … the entries from here on */

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

  /* leadership */
  uint64_t next_request;
  uint64_t next_dealing;
  uint64_t term_first_index; /* first index of this leadership */
  uint64_t tail_bytes;
  uint64_t snapshot_budget; /* bytes of chunks that may leave in this tick */
  /* matches raised in this step, so that commit may advance, and what raised the last of them, and
   * the own one */
  uint32_t new_matches;
  uint64_t newest_match;
  uint64_t own_match;
  vlot__ring reads;    /* vlot__read, oldest first */
  vlot__ring proposed; /* vlot_lost: own proposals not known to be committed or lost */

  bool is_fenced;
  vlot_why fenced_why;

  vlot__buffer out_messages, out_causes, out_whys, out_slices, out_write, out_apply, out_reads,
      out_lost, out_outcomes, out_changes, out_answers;
  vlot_output output;
};

/* core.c: the tick at which time is needed next */
/* --- role.c: the only writer of role, term, vote and leader --- */
typedef enum vlot__term_verdict {
  VLOT__TERM_CURRENT,
  VLOT__TERM_STALE,
  VLOT__TERM_REFUSED
} vlot__term_verdict;

/* was_leader  out: it was, and the term is over: vlot__leader_end() is due */
vlot__term_verdict vlot__role_observe_term(vlot_raft *raft, const vlot_message *message,
                                           bool *was_leader);
/* Follow in a term, with a leader as far as known. true: it was leader: vlot__leader_end() is
 * due. */
bool vlot__role_follow(vlot_raft *raft, uint64_t term, uint32_t leader, uint32_t peer,
                       vlot_why why);
void vlot__role_pre_candidate(vlot_raft *raft, vlot_why why);
void vlot__role_candidate(vlot_raft *raft, vlot_why why);
void vlot__role_lead(vlot_raft *raft);
void vlot__role_vote_for(vlot_raft *raft, uint32_t candidate);
void vlot__role_forget_leader(vlot_raft *raft, vlot_why why);
void vlot__role_reset_election_timer(vlot_raft *raft); /* with a fresh draw */
bool vlot__role_is_sticky(const vlot_raft *raft);
/* Has the disk fallen behind so far that nothing more may wait for it? */
static inline bool vlot__durable_is_full(const vlot_raft *raft) {
  return raft->writes.count >= VLOT__WRITES_MAX || raft->held.count >= VLOT__WRITES_MAX;
}
/* NONE: this node may campaign */
vlot_why vlot__role_campaign_obstacle(const vlot_raft *raft);
void vlot__fence(vlot_raft *raft, vlot_why why, uint32_t peer, uint64_t from, uint64_t to,
                 uint64_t term);

/* --- election.c --- */
vlot__next vlot__election_pre_campaign(vlot_raft *raft, vlot_why why);
vlot__next vlot__election_campaign(vlot_raft *raft, bool is_forced, vlot_why why);
vlot__next vlot__election_count_own_vote(vlot_raft *raft);
void vlot__election_on_vote(vlot_raft *raft, const vlot_message *message,
                            vlot__term_verdict verdict);
vlot__next vlot__election_on_reply(vlot_raft *raft, const vlot_message *message,
                                   vlot__term_verdict verdict);

/* --- follower.c --- */
void vlot__follower_on_append(vlot_raft *raft, const vlot_message *message,
                              vlot__term_verdict verdict);

/* Hear from who leads this term: follow it, and wait for it. False: the core is fenced. */
bool vlot__follower_hear(vlot_raft *raft, const vlot_message *message);

/* Room for the configurations that a message brings, or takes back; false without memory. */
bool vlot__follower_reserve(vlot_raft *raft, const vlot_message *message);

/* --- change.c: membership, at a leader --- */
/* False without memory, with nothing changed. */
bool vlot__change_take(vlot_raft *raft, const vlot_input *input, vlot_outcome *outcome);
void vlot__change_cancel(vlot_raft *raft, vlot_outcome *outcome);
void vlot__change_go_on(vlot_raft *raft);
void vlot__change_end(vlot_raft *raft); /* with the leadership */

/* --- catchup.c: new voters --- */
typedef enum vlot__catchup {
  VLOT__CATCHUP_DONE = 0, /* all that wish to vote are there */
  VLOT__CATCHUP_WAITS,
  VLOT__CATCHUP_FAILED, /* one of them will not be */
} vlot__catchup;

void vlot__catchup_tick(vlot_raft *raft, uint32_t elapsed);
vlot__catchup vlot__catchup_look(vlot_raft *raft, uint32_t *hopeless);
void vlot__catchup_end(vlot_raft *raft);
bool vlot__catchup_is_there(vlot_raft *raft, uint32_t id);

/* --- transfer.c: leadership is handed over; ranks --- */
void vlot__transfer_take(vlot_raft *raft, const vlot_input *input, vlot_outcome *outcome);
void vlot__transfer_retire(vlot_raft *raft);
void vlot__transfer_look(vlot_raft *raft); /* while transfer.to is not 0 */
void vlot__transfer_tick(vlot_raft *raft, uint32_t elapsed);
void vlot__transfer_end(vlot_raft *raft); /* with the leadership */
vlot__next vlot__transfer_on_timeout_now(vlot_raft *raft, const vlot_message *message,
                                         vlot__term_verdict verdict);
bool vlot__ranks_set(vlot_raft *raft, const vlot_rank *ranks, uint32_t count);
bool vlot__ranks_take(vlot_raft *raft, const vlot_input *input, vlot_outcome *outcome);
uint32_t vlot__rank_of(const vlot_raft *raft, uint32_t id);

/* --- install.c: a snapshot that comes from a leader, or was taken here --- */
void vlot__install_on_chunk(vlot_raft *raft, const vlot_message *message,
                            vlot__term_verdict verdict);
/* Room for a chunk, and for RESTORED; false without memory. */
bool vlot__install_reserve_chunk(vlot_raft *raft, const vlot_message *message);
bool vlot__install_reserve(vlot_raft *raft);
void vlot__install_on_restored(vlot_raft *raft, vlot_result result, vlot_outcome *outcome);
void vlot__install_on_stored(vlot_raft *raft); /* is it durable? then the machines are swapped */
void vlot__install_on_taken(vlot_raft *raft, const vlot_input *input, vlot_outcome *outcome);

/* --- append.c --- */
/* One append to a peer, of the entries after prev (or none). False when there was no memory for
 * it. */
bool vlot__append_send(vlot_raft *raft, vlot__peer *peer, uint64_t prev, bool has_entries);

/* --- leader.c --- */
void vlot__leader_begin(vlot_raft *raft);
void vlot__leader_end(vlot_raft *raft);
void vlot__leader_propose(vlot_raft *raft, vlot_batch *batch, uint32_t count,
                          vlot_outcome *outcome);
void vlot__leader_on_reply(vlot_raft *raft, const vlot_message *message,
                           vlot__term_verdict verdict);
void vlot__leader_send(vlot_raft *raft);
/* Another configuration is in force: begin with those who are new, and look at disks again. */
void vlot__leader_meet(vlot_raft *raft);

/* --- silence.c: a leader's time --- */
vlot__next vlot__leader_tick(vlot_raft *raft, uint32_t elapsed);
/* What was sent and not answered for so long, and for as long as its answers take, is asked after;
 * then for twice as long, up to a heartbeat. An answer that takes less than that is there before
 * anybody asks. */
enum { VLOT__SILENCE_TICKS = 2 };
static inline uint32_t vlot__silence_max(const vlot__peer *peer) {
  return peer->answer_ticks < VLOT__SILENCE_TICKS ? VLOT__SILENCE_TICKS
                                                  : peer->answer_ticks + VLOT__SILENCE_TICKS;
}
/* A request leaves that is more than a heartbeat; an answer has come. */
static inline void vlot__silence_asked(const vlot_raft *raft, vlot__peer *peer, uint64_t request) {
  peer->asked_request = request;
  if (peer->timed_request != 0) return;
  peer->timed_request = request;
  peer->timed_at = raft->now;
}
void vlot__silence_look(const vlot_raft *raft, vlot__peer *peer, uint64_t request);
static inline void vlot__silence_answered(const vlot_raft *raft, vlot__peer *peer,
                                          uint64_t request) {
  if (peer->timed_request == 0 || request < peer->timed_request) return;
  if (request == peer->timed_request && raft->now == peer->timed_at && peer->answer_ticks == 0)
    peer->timed_request = 0; /* at once, as always */
  else
    vlot__silence_look(raft, peer, request);
}
/* Ticks until there is something to say to a peer that is no heartbeat, and what; UINT32_MAX:
 * nothing. */
uint32_t vlot__leader_due(const vlot_raft *raft, vlot_due *what);

/* --- commit.c: the commit index, the uncommitted tail, what became of own proposals --- */
void vlot__commit_to(vlot_raft *raft, uint64_t index);
void vlot__commit_count(vlot_raft *raft); /* a leader's: what has a quorum stored? */
/* What entries count in the tail: payload and overhead, of a slice or of the log's [from, to]. */
uint64_t vlot__commit_bytes_of(const vlot_slice *slice);
uint64_t vlot__commit_bytes_between(const vlot_raft *raft, uint64_t from, uint64_t to);

/* Entries up to an index stand below a snapshot, and count no more in what is limited. */
void vlot__log_bytes_drop(vlot_raft *raft, uint64_t index);

/* --- reads.c --- */
void vlot__reads_register(vlot_raft *raft, uint64_t tag, vlot_outcome *outcome);
void vlot__reads_answer(vlot_raft *raft);
void vlot__reads_fail(vlot_raft *raft);

/* --- durable.c: tokens, held messages, the net write --- */
uint64_t vlot__durable_token_of(const vlot_raft *raft, uint64_t index);
void vlot__durable_append(vlot_raft *raft, const vlot_slice *slice, uint32_t peer);
void vlot__durable_truncate(vlot_raft *raft, uint64_t from, vlot_why why);
void vlot__durable_install(vlot_raft *raft, vlot_snapshot *snapshot, uint32_t peer);
vlot__next vlot__durable_on_stored(vlot_raft *raft, uint64_t token);
void vlot__durable_write(vlot_raft *raft);

/* --- time.c --- */
vlot__next vlot__time_take_tick(vlot_raft *raft, const vlot_input *input);
/* The tick at which time is needed next, and what for: into the output. */
void vlot__time_plan(const vlot_raft *raft, vlot_output *output);

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
/* each message has a cause beside it */
static inline bool vlot__out_reserve_messages(vlot_raft *raft, size_t more) {
  return vlot__out_reserve(raft, &raft->out_messages, more, sizeof(vlot_message)) &&
         vlot__out_reserve(raft, &raft->out_causes, more, sizeof(uint64_t));
}
void vlot__out_message(vlot_raft *raft, const vlot_message *message, uint64_t cause);
/* The why of the message that comes next, which leaves at once; room for it. */
bool vlot__out_reserve_why(vlot_raft *raft);
void vlot__out_why(vlot_raft *raft, vlot_why why);
void vlot__out_change(vlot_raft *raft, vlot_change_kind kind, vlot_why why, uint32_t peer,
                      uint64_t from, uint64_t to, uint64_t term);
void vlot__out_when_stored(vlot_raft *raft, const vlot_message *message, uint64_t token);
vlot_message vlot__out_request(vlot_raft *raft, vlot_message_kind kind, uint32_t to);
vlot_message vlot__out_reply(vlot_raft *raft, vlot_message_kind kind, const vlot_message *to);

/* --- invariant.c: the laws, after each step (vlot_raft_check()) --- */
vlot_raft_seen vlot__invariant_see(const vlot_raft *raft); /* as it is now */

/* --- peers.c: the table of whoever stands in the configuration in force --- */
bool vlot__peers_open(vlot_raft *raft);
void vlot__peers_close(vlot_raft *raft);
/* Room for the peers of another configuration, so many, and their taking over once it is in force:
 * those that stay are as they were. */
bool vlot__peers_reserve(vlot_raft *raft, uint32_t count);
void vlot__peers_change(vlot_raft *raft);
bool vlot__peers_have(const vlot_raft *raft, uint32_t id);
vlot__peer *vlot__peer_find(vlot_raft *raft, uint32_t id); /* NULL: no member */
void vlot__peers_make(vlot_raft *raft); /* before anybody looks at peers other than self */

/* What it says moves something on. */
static inline void vlot__peer_has_answered(vlot__peer *peer) {
  peer->silence_max = vlot__silence_max(peer);
}

/* A match was raised by the input that is taken. */
static inline void vlot__matched(vlot_raft *raft) {
  raft->newest_match = raft->source.cause;
  raft->new_matches++;
}

/* An append is wanted, be it empty. */
static inline void vlot__peer_ask(vlot_raft *raft, vlot__peer *peer, vlot_why why) {
  if (!peer->wants_append && !peer->wants_heartbeat) {
    peer->asked = raft->source;
    peer->asked_why = why;
  }
  peer->wants_append = true;
}

/* One without entries is. */
static inline void vlot__peer_ask_heartbeat(vlot_raft *raft, vlot__peer *peer, vlot_why why) {
  bool wants_append = peer->wants_append;
  vlot__peer_ask(raft, peer, why);
  peer->wants_append = wants_append;
  peer->wants_heartbeat = true;
}

/* Has it answered of late? */
static inline bool vlot__peer_is_alive(const vlot__peer *peer) {
  return peer->is_active || peer->was_active;
}

static inline bool vlot__peer_is_voter(const vlot__peer *peer) { return peer->votes_in != 0; }

/* Is this a disk that the configuration knows for this member? What another one says counts for
 * nothing. */
static inline bool vlot__peer_knows_disk(const vlot__peer *peer, uint64_t disk_id) {
  for (uint32_t half = 0; half < VLOT__CONFIG_HALVES; half++)
    if ((peer->stands_in >> half & 1u) != 0 &&
        (peer->disk_ids[half] == 0 || peer->disk_ids[half] == disk_id))
      return true;
  return false;
}

/* The machine may have everything up to here before it. */
static inline uint64_t vlot__hand_out_limit(const vlot_raft *raft) {
  uint64_t limit = raft->applied_index + raft->options.apply_entries_max;
  /* another machine takes the place of this one */
  if (raft->receipt && raft->receipt->stage >= VLOT__RECEIPT_RESTORING) return raft->handed_index;
  return limit < raft->commit_index ? limit : raft->commit_index;
}

#endif
