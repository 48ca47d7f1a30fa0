/* A running member, as the files that make it up see it; of all others the recorder alone. Calls go
 * down only:
 *
 *   node.c           its life, and looking at it
 *   node_turn.c      begin and end of a turn, the steps of the core between them
 *   node_mail.c      taking mail
 *   node_outcomes.c  what the core made of commands and of reads      node_apply.c   the machine
 *   node_reads.c     reads under way
 *   node_snapshot.c  snapshots: taken, restored from, swapped in
 *   node_images.c    an image of its machine, handed to whoever writes it
 *   node_asked.c     what somebody asks of them
 *   node_forward.c   passing clients' mail on to the leader, and what comes of it
 *   node_effects.c   what a turn lets go, inside the driver's fence
 *   node_change.c    which events the changes of a step are
 *   node_answers.c   answers to clients, laid aside until then        node_time.c    its clock
 */
#ifndef VLOT_CLUSTER_NODE_INSIDE_H
#define VLOT_CLUSTER_NODE_INSIDE_H

#include "cluster/inbox.h"
#include "cluster/journal.h"
#include "cluster/node.h"
#include "cluster/object.h"
#include "cluster/propose.h"
#include "cluster/replies.h"

/* Commands in a row of one client, appended at this node and not applied yet. */
typedef struct vlot__waiter {
  uint64_t index; /* of the first */
  uint64_t term;
  uint64_t sequence; /* of the first */
  uint32_t client;
  uint32_t count;
} vlot__waiter;

/* A read under way. Linearizable: asked of the core under its number, then waits for `index` to be
 * applied. */
typedef struct vlot__node_read {
  uint64_t tag;
  uint64_t index;
  uint64_t sequence;
  uint64_t cause; /* its READ event */
  uint32_t client;
  uint32_t size;
  bool is_ready; /* index is known */
  uint8_t *question;
} vlot__node_read;

/* Commands of one mail of this turn, on their way into the core. */
typedef struct vlot__group {
  vlot__mail_propose *mail;
  uint64_t cause; /* its PROPOSE event */
  uint32_t size;  /* bytes of the mail */
  uint32_t count;
} vlot__group;

/* What clients asked in a turn, passed on together and not known to be taken. Its copy is 0 until
 * the end of that turn: more is put into it, and nobody has it. */
typedef struct vlot__forward {
  vlot__mail_forward *mail; /* what it refers to is retained */
  size_t size, capacity;    /* bytes */
  size_t whole;             /* bytes, those that it shares counted in */
} vlot__forward;

/* Of a member that has passed mail on to this one: how far its newest stream has come. */
typedef struct vlot__origin {
  uint32_t id;
  uint32_t incarnation;
  uint64_t term;
  uint64_t next; /* number of the mail that is taken next */
  uint64_t copy; /* the newest one that has come */
  bool is_asking;
} vlot__origin;

/* See node_forward.c. */
typedef struct vlot__forwarding {
  /* as a follower: one stream, to `leader` in `term` */
  vlot__ring sent; /* vlot__forward, in the order of their numbers */
  uint64_t bytes;  /* of them */
  uint32_t mails;  /* clients', in them */
  uint64_t term;
  uint32_t leader;
  uint64_t next_number;
  uint64_t copies;       /* sent so far */
  uint64_t due;          /* in the node's ticks: the oldest goes again; VLOT_NEVER: nothing waits */
  uint32_t interval;     /* ticks */
  uint32_t answer_ticks; /* what answers took of late, at most */
  uint64_t timed_copy;   /* whose answer is waited for, to know that; 0: of none … */
  uint64_t timed_at;     /* … and when it was sent */
  bool has_gap;          /* an answer of this turn shows one */
  uint32_t doubt;        /* so many answers more make it a link that loses nothing */
  /* as a leader */
  bool has_answers;  /* some origin is asking */
  uint64_t led_term; /* the last one in which this incarnation has led */
  vlot__origin *origins;
  size_t origin_count, origin_capacity;
} vlot__forwarding;

/* See node_snapshot.c. */
typedef struct vlot__node_snapshots {
  vlot_snapshot *restoring; /* whole, and the machine is to be restored from it; NULL */
  uint64_t restore_cause;
  void *staged;       /* the machine that was, until it takes the old one's place */
  bool owes_restored; /* result is to be told to the core */
  vlot_result result;
  struct vlot__image *image; /* of its machine, on its way to become a snapshot; NULL */
  bool is_written;           /* and it is, or has failed */
  vlot_snapshot *taken;      /* in the step under way; NULL */
  bool is_asked;             /* for one, whatever the policy says, … */
  uint64_t asked_event;      /* … by this ORDER, and it is not begun */
  bool is_for_order;         /* image or taken is what was asked for … */
  uint64_t order_event;      /* … by this one */
  uint64_t compact_to;       /* asked to drop its log up to here; 0: not … */
  uint64_t compact_event;    /* … by this one */
  bool is_compacting;        /* taken is named again, to drop more of the log */
  uint64_t not_below;        /* bytes of the log at which the next one is tried; 0: as ever */
  uint64_t installed_event;  /* the last SNAPSHOT_INSTALLED */
} vlot__node_snapshots;

struct vlot__node {
  vlot__seat *seat;
  vlot_cluster *cluster;
  const vlot_allocator *allocator;
  vlot_raft *raft;
  void *machine;
  vlot_replies replies;
  bool is_fenced;
  atomic_bool has_left; /* one of its two owners: see vlot__node_leave() */
  vlot_why fenced_why;  /* when it is not the core that says so, or knows more than the core */
  uint64_t fenced_tick; /* cluster tick */

  /* this turn */
  vlot_input *inputs;
  size_t input_count, input_capacity;
  vlot_command *commands;
  size_t command_count, command_capacity;
  vlot__group *groups;
  size_t group_count, group_capacity;
  bool counts_in_full; /* the next passing of time: the node was parked */
  vlot__turn_fence fence;
  bool is_void; /* fenced while in user code: nothing may be touched any more */

  /* time, in the node's own ticks: see vlot__node_due */
  uint64_t seen_tick; /* cluster tick up to which its time has gone on */
  uint64_t rest;      /* thousandths of a tick left over by its clock's rate */
  uint32_t permille;  /* the rate at which it went on up to there */
  uint64_t now;
  uint64_t next_timer; /* the core's, in its own ticks */
  uint64_t spare;      /* own ticks that may pass before a timer would fire */

  /* storage and machine */
  uint64_t stored_token; /* to be told to the core; 0 */
  uint64_t failed_token;
  bool lacks_memory; /* what failed did so for want of memory */
  uint64_t applied_index;
  uint64_t told_applied;
  uint64_t commit_index;
  vlot_brief brief;    /* after the last step */
  uint32_t leader;     /* likewise */
  bool awaits_storage; /* likewise: something in the core waits for STORED */

  /* events that others follow from */
  uint64_t step_event;    /* STEP of the last step; vlot__node_change_event() has its changes' */
  bool is_reconfigured;   /* there are members of configurations between them */
  uint64_t durable_event; /* DURABLE in there; 0 */
  uint64_t apply_event;   /* the last APPLY since the machine was restored; 0 */
  uint64_t fenced_event;  /* FENCED; 0 */

  vlot__ring unapplied;     /* vlot__unapplied, by index: COMMITs that apply has not reached */
  vlot__ring waiters;       /* vlot__waiter, by index */
  vlot__ring waiting_reads; /* vlot__node_read */
  uint64_t next_tag;
  vlot__node_snapshots snapshots;
  vlot__forwarding forwarding;
  vlot__answers answers;
  uint64_t turns;
  vlot_raft_seen seen; /* by the checker, of the core */
  vlot__tape tape;     /* what is recorded of its turns */
};

/* What a STORED is called as a cause: its event, DURABLE, comes out of the step that takes it. */
#define VLOT__CAUSE_STORED UINT64_MAX

/* A COMMIT event and the last index that it commits. */
typedef struct vlot__unapplied {
  uint64_t event;
  uint64_t last;
} vlot__unapplied;

/* --- node_change.c --- */

/* The event of the k-th change of this step, the last one. */
uint64_t vlot__node_change_event(const vlot__node *node, const vlot_output *output, uint32_t k);

/* The event that the core means by a cause. */
static inline uint64_t vlot__node_event_of(const vlot__node *node, uint64_t cause) {
  return cause == VLOT__CAUSE_STORED ? node->durable_event : cause;
}

/* --- node_effects.c --- */

/* Effects are let go between the two (vlot__turn_fence); false: nothing may be let go any more. */
bool vlot__node_enter_effects(vlot__node *node);
/* To be told to the core in the next step: a disk has said `result` to a write. */
void vlot__node_write_failed(vlot__node *node, uint64_t token, vlot_result result);
void vlot__node_leave_effects(vlot__node *node);
/* After user code: was this node killed meanwhile? Then its place may belong to another incarnation
 * already. */
bool vlot__node_is_void(vlot__node *node);
/* The write, the messages and the answers laid aside so far, inside one enter and leave; output
 * NULL: only answers. False: the node was killed, and nothing has left it. */
bool vlot__node_let_go(vlot__node *node, const vlot_output *output);

/* --- node_forward.c --- */

void vlot__forwards_open(vlot__node *node);
void vlot__forwards_free(vlot__node *node);
/* Pass a client's mail on to the leader, unless it was forwarded before (hops, counted here: B118);
 * kind: PROPOSE or READ. NONE: it goes at the end of the turn, and again until it is known to be
 * taken; else why certainly not. The payload, and what it refers to, is the caller's as before. */
vlot_why vlot__node_forward(vlot__node *node, uint32_t kind, const void *payload, uint32_t size,
                            uint32_t *hops);
/* Why a client is sent away: another leads, or nobody as far as is known here. */
vlot_why vlot__node_no_leader_why(const vlot__node *node);
/* A FORWARD has come. True: the clients' mails in it are to be taken now. False: there are none, or
 * they are not to be taken, and what they refer to is given back. */
bool vlot__forwarded_take(vlot__node *node, vlot__mail_forward *mail);
/* The end of a turn: send what is new or due, answer who has sent. */
void vlot__forwards_end(vlot__node *node);
/* Is there anything that the end of a turn might send? */
static inline bool vlot__forwards_wait(const vlot__node *node) {
  return node->forwarding.sent.count > 0 || node->forwarding.has_answers;
}
/* Nothing more is sent: its clients are told that it is not known what becomes of it. */
void vlot__forwards_give_up(vlot__node *node, vlot_why why);

/* --- node_time.c --- */

/* Another input of this turn, and the event that it stands for, 0: none. NULL without memory. */
vlot_input *vlot__node_new_input(vlot__node *node, vlot_input_kind kind, uint64_t cause);
/* Its time goes on to a cluster tick; VLOT__STAMP_FIRE: to its next timer, for this node alone. */
void vlot__node_pass_time(vlot__node *node, uint64_t tick, bool is_tick);

/* --- node_answers.c --- */

/* The event of a client's call; what follows comes from it. */
void vlot__node_emit_client(vlot__node *node, vlot_event_kind kind, uint32_t client,
                            uint64_t sequence, uint32_t count);
/* Lay an answer aside for the next delivery, with its reply; nothing is said to anybody yet. */
void vlot__node_push_answer(vlot__node *node, const vlot__answer *answer, const void *reply);
/* One for commands in a row that have no reply, with the event. */
void vlot__node_answer(vlot__node *node, uint32_t client, uint64_t sequence, uint32_t count,
                       vlot_result result, vlot_why why);
/* Hand over what was laid aside: one lock per run of the same client. */
void vlot__node_deliver_answers(vlot__node *node);
/* Nothing will come of what waits here. */
void vlot__node_give_up_waiting(vlot__node *node, vlot_why why);

/* --- node_reads.c --- */

/* A read waits here from now on, with room in waiting_reads; its question is taken over. */
vlot__node_read *vlot__node_add_read(vlot__node *node, const vlot__mail_read *mail,
                                     uint8_t *question);
/* Answer one that will not be served; learn from which index on they may be; serve those that
 * may. */
void vlot__node_drop_read(vlot__node *node, uint64_t tag, vlot_why why);
void vlot__node_settle_reads(vlot__node *node, const vlot_output *output);
void vlot__node_serve_reads(vlot__node *node);

/* --- node_snapshot.c --- */

/* A new machine from a snapshot, beside whatever there is. VLOT_CORRUPT: the snapshot is damaged;
 * VLOT_UNSUPPORTED: machines of this kind cannot be restored; else what the machine says. */
vlot_result vlot__snapshot_restore(vlot_cluster *cluster, uint32_t id,
                                   const vlot_snapshot *snapshot, void **state);
/* In the order of a step: what the core asks for; a machine restored from it; the core told. */
void vlot__snapshots_see(vlot__node *node, const vlot_output *output);
void vlot__snapshots_restore(vlot__node *node);
void vlot__snapshots_tell(vlot__node *node);
void vlot__snapshots_settle(vlot__node *node, const vlot_input *input, const vlot_outcome *outcome);
/* The restored machine takes the old one's place. */
void vlot__snapshots_swap(vlot__node *node);
/* Is it time for one of its own? Freeze the machine; what is written becomes durable, and is told
 * to the core in the next step; it was told. */
bool vlot__snapshots_are_due(vlot__node *node);
void vlot__snapshots_take(vlot__node *node);
void vlot__snapshots_keep(vlot__node *node);
void vlot__snapshots_taken(vlot__node *node);
void vlot__snapshots_free(vlot__node *node);

/* --- node_asked.c --- */

/* An order has come, as this event: a snapshot is to be taken, or the log to be dropped. */
void vlot__snapshots_ask(vlot__node *node, const vlot__mail_order *order, uint64_t event);
/* No snapshot is taken though one was asked for; nothing, if nobody asked. */
void vlot__snapshots_refuse(vlot__node *node, vlot_result result, vlot_why why);
/* Who has asked before is answered by the image that is frozen next; overtaken, by another one. */
void vlot__snapshots_begin(vlot__node *node);
void vlot__snapshots_begin_again(vlot__node *node);
/* The core has not taken what it was told. */
void vlot__snapshots_give_up(vlot__node *node, vlot_why why);
/* The log is to be dropped: the core is told in the next step, as with one that was taken. */
void vlot__snapshots_compact(vlot__node *node);
/* What the core made of it: whoever asked is told. */
void vlot__snapshots_answer(vlot__node *node, const vlot_outcome *outcome);

/* --- node_transfer.c --- */

/* An order to hand over has come, as this event; it is refused; the core answers what it took. */
void vlot__transfers_ask(vlot__node *node, const vlot__mail_order *order, uint64_t event);
void vlot__transfers_settle(vlot__node *node, const vlot_input *input, vlot_result result,
                            vlot_why why);
void vlot__transfers_answer(vlot__node *node, const vlot_output *output);

/* --- node_outcomes.c --- */

/* What the core made of this turn's commands, and of all it was asked. */
void vlot__node_settle_groups(vlot__node *node, const vlot_outcome *outcome);
void vlot__node_settle_outcomes(vlot__node *node, const vlot_output *output);

/* --- node_apply.c --- */

/* Apply what the core hands out, and answer who waits for it. */
void vlot__node_apply(vlot__node *node, const vlot_output *output);

/* What a step says about time. */
static inline void vlot__node_read_time(vlot__node *node, const vlot_output *output) {
  node->next_timer = output->next_timer;
  node->spare = output->next_timer == VLOT_NEVER ? VLOT_NEVER
                : output->next_timer > node->now ? output->next_timer - node->now - 1
                                                 : 0;
}

#endif
