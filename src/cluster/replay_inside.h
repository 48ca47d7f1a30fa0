/* A replay from inside: what replay_items.c reads, replay_open.c puts in order, replay_turn.c and
 * replay.c carry out. Nobody else includes this.
 */
#ifndef VLOT_CLUSTER_REPLAY_INSIDE_H
#define VLOT_CLUSTER_REPLAY_INSIDE_H

#include "cluster/link.h"
#include "cluster/node_inside.h"
#include "cluster/pending.h"
#include "cluster/replay.h"

#define VLOT__REPLAY_TICK_MAX (UINT64_C(1) << 48) /* a clock that is fed with more would overflow */
#define VLOT__REPLAY_NONE     SIZE_MAX            /* no record */

typedef struct vlot__replay_record {
  const uint8_t *at; /* its header */
  uint32_t size;
  uint32_t mails; /* TURN: actions of the whole turn; 0: it has no end */
  /* TURN, MORE: the record that goes on with this turn; VLOT__REPLAY_NONE */
  size_t next;
  bool is_unended; /* TURN: the node was in the middle of it when the recording ended */
} vlot__replay_record;

typedef struct vlot__replay_item {
  uint32_t kind; /* vlot__mail_kind or VLOT__ITEM_* */
  bool has_payload;
  bool is_like; /* the one before: its command alone is the payload, without a size */
  uint64_t stamp, id, sequence;
  uint32_t client, count, check;
  uint32_t more;    /* PROPOSE: so many like it follow */
  uint32_t command; /* … all with one command of this size */
  /* PROPOSE: sizes and bytes; READ: the question; else what the kind says */
  const uint8_t *payload;
  size_t size;
  /* PROPOSE with more: its short command; of one that is_like, the payload */
  uint8_t like[VLOT__LIKE_BYTES];
} vlot__replay_item;

/* A turn that its node was in the middle of when the recording ended. */
typedef struct vlot__replay_unended {
  uint32_t node;
  uint64_t after; /* actions */
} vlot__replay_unended;

struct vlot__replay {
  vlot_cluster *cluster;
  const vlot_allocator *allocator;
  vlot__journal_head head;
  const uint8_t *journal;
  size_t size;
  vlot__replay_record *records;
  size_t count, capacity;
  size_t place;                  /* of the next record */
  vlot__replay_unended *unended; /* [status.unended_turns, of at most nodes] in their order */
  /* [wanted_room] hash table: ids that some record names; made when the first node is killed */
  uint64_t *wanted;
  size_t wanted_room;
  vlot_replay_status status;
  int was_leader;            /* while a kill is carried out; else -1 */
  const vlot__seat *subject; /* whose record is carried out */
  vlot__seat *turn_seat;     /* whose turn is; NULL between turns */
  uint64_t turn;             /* its number in its incarnation */
  size_t chunk;              /* the record in which its reader stands */
  vlot__journal_reader reader;
  vlot__replay_item last, next; /* the item before in the chunk; the one that comes */
  bool has_next;
  bool is_unended;    /* the turn is one without an end */
  bool ends_here;     /* what comes behind this record cannot be known */
  vlot__item **items; /* [item_capacity] mail of this turn */
  size_t item_count, item_capacity;
  char text[320];
};

/* --- replay_items.c: reading --- */

static inline uint32_t vlot__replay_type(const vlot__replay_record *one) { return one->at[4]; }
static inline uint32_t vlot__replay_flags(const vlot__replay_record *one) { return one->at[5]; }
static inline uint32_t vlot__replay_node(const vlot__replay_record *one) {
  return vlot__get16(one->at + 6);
}
static inline vlot__journal_reader vlot__replay_body(const vlot__replay_record *one) {
  return (vlot__journal_reader){.at = one->at + VLOT__JOURNAL_RECORD_HEAD,
                                .end = one->at + one->size};
}
static inline bool vlot__replay_is_mail(const vlot__replay_item *one) {
  return one->kind <= VLOT__MAIL_FORWARD || one->kind == VLOT__MAIL_WRITTEN;
}

/* The next item of a record; last: the mail before it, all 0 at the beginning. False: there is
 * none, or it is bad. */
bool vlot__replay_read_item(vlot__journal_reader *reader, const vlot__replay_item *last,
                            vlot__replay_item *one);

/* --- replay_turn.c --- */

/* What is said of a turn begins "n2, turn 17 of its incarnation 1 (action 312): …". The sentence
 * why the journal is cut gives way to it. */
void vlot__replay_diverge(vlot__replay *replay, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The cluster's clock goes on to a tick, and never back. */
void vlot__replay_pass_time(vlot_cluster *cluster, uint64_t tick);

/* Carry out the turn whose TURN is that record, and compare.
 *
 * After a divergence the turn is ended all the same, so that nothing is left half done.
 */
void vlot__replay_turn(vlot__replay *replay, size_t place, vlot__seat *seat);

/* In a turn: what the world made of it (recorder.h). */
bool vlot__replay_check(vlot__node *node, bool may);
vlot_result vlot__replay_submit(vlot__node *node, const vlot_write *write,
                                const vlot_storage_done *done);
vlot_result vlot__replay_keep(vlot__node *node, vlot_snapshot *snapshot);
void vlot__replay_fate(vlot__seat *seat, vlot__fate *fate);
void vlot__replay_see_rate(vlot__node *node);

/* --- replay.c --- */

/* The next of what was recorded, one action at least; false: there is nothing left, or it has
 * diverged. */
bool vlot__replay_run_one(vlot_cluster *cluster, uint64_t limit);

#endif
