/* The journal: its format, and recording. Replay is replay.c's. Why it is as it is:
 * docs/decisions/journal.md.
 *
 * A *tape* belongs to a node and holds what is not in the journal yet. A turn is a row of *items*,
 * in the order in which they came: the mail it took, and what the world made of its effects, where
 * that was anything but the usual. The items lie in records, which are the unit of the journal's
 * one order: TURN begins a turn, MORE goes on with it, and the item END ends it.
 *
 * The order is causal, because a tape is emptied into the journal before the first message of a
 * turn leaves, before the machine is called, and at the turn's end. A replay carries a turn out
 * where its TURN stands, and finds the rest of it by looking ahead: nothing in there can depend on
 * other nodes' later turns, since all the mail of a turn was in the mailbox when it began. After a
 * crash a turn can be without an END: its node was in the middle of it.
 */
#ifndef VLOT_CLUSTER_JOURNAL_H
#define VLOT_CLUSTER_JOURNAL_H

#include <string.h>

#include "base/little.h"
#include "vlot/cluster.h"
#include "vlot/journal.h"

typedef struct vlot__journal vlot__journal;
struct vlot__seat;
struct vlot__node;
struct vlot__fate;

/* --- format: little-endian, no padding; fixed widths, but var: seven bits a byte, the lowest first
 * ----
 *
 * file    magic [8], u32 format, u32 0, then the head, then records in a row
 * head    u32 bytes behind this header, u32 0, u64 checksum of them
 * record  u32 bytes with this header, u8 type, u8 flags, u16 node, u32 checksum of all of it but
 *         these four bytes, then what its type says. Size 0: here the journal ends, without an END;
 *         what may stand behind was never finished
 */
#define VLOT__JOURNAL_MAGIC "vlotjrnl"
enum {
  VLOT__JOURNAL_FILE_HEAD = 16,
  VLOT__JOURNAL_BLOCK_HEAD = 16,
  VLOT__JOURNAL_RECORD_HEAD = 12
};

typedef enum vlot__journal_type {
  VLOT__RECORD_TURN = 1, /* flags: 1 was parked; items */
  VLOT__RECORD_MORE,     /* items */
  /* u32 incarnation, u64 tick, u32 permille, u64 disk, u64 term, u32 vote, u64 last index, u64
   * digest */
  VLOT__RECORD_START,
  VLOT__RECORD_UNSTART, /* it could not be given a thread after all */
  /* flags: 1 power cut, 2 was leader; u32 why, u64 durable token, u64 applied, u64 hash, u64 digest
   * before */
  VLOT__RECORD_KILL,
  VLOT__RECORD_QUARANTINE, /* it was killed in user code and never came back in time */
  VLOT__RECORD_RESTART,    /* flags: vlot_restart; u64 the new disk of a wiped one, else 0 */
  VLOT__RECORD_SUSPEND,
  VLOT__RECORD_RESUME,
  /* u32 from, u32 to, vlot_link's ten fields as u32; from 0: all are clean again */
  VLOT__RECORD_LINK,
  VLOT__RECORD_CLOCK, /* u32 permille, u64 tick: it was set between turns */
  VLOT__RECORD_DROP,  /* flags: 1 a message; u32 why, u64 id */
  VLOT__RECORD_COPY,  /* u64 id, u64 id of the copy */
  /* of the cluster: u16 kind, u16 why, u32 peer, u64 from, u64 to, u64 term */
  VLOT__RECORD_EVENT,
  VLOT__RECORD_CLOSE, /* the node's last state, as KILL's: a check */
  VLOT__RECORD_END,   /* the journal is whole */
  VLOT__RECORDS
} vlot__journal_type;

/* Items; the first seven and WRITTEN are mail, by vlot__mail_kind; STORED: u64 token, u32 result;
 * WRITTEN: u64 index of what was frozen, u32 result. */
enum {
  VLOT__ITEM_KIND = 15, /* mask */
  /* the clock's rate is seen to have changed: u32 permille, u64 since which tick */
  VLOT__ITEM_RATE = 8,
  VLOT__ITEM_CUT,    /* u32 which look at the fence was the first to find it closed */
  VLOT__ITEM_ROUTE,  /* u32 which message; u8 copies, u16 why, u8 result of each of two */
  VLOT__ITEM_SUBMIT, /* u32 which write, snapshots to be kept among them; u8 result */
  VLOT__ITEM_END,    /* u64 digest; var events of the turn, term, last, commit, applied */
  /* 13: VLOT__MAIL_WRITTEN */
  /* of mail */
  /* as the mail before in this record; else var (not of STORED) */
  VLOT__ITEM_SAME_STAMP = 16,
  /* the next of its sender after the mail before; else var (not of TICK and STORED) */
  VLOT__ITEM_NEXT_ID = 32,
  VLOT__ITEM_HAS_PAYLOAD = 64, /* of a client: what it holds; else, of a node: u32 check */
  /* PROPOSE: of the same client and the next; else var client, var sequence */
  VLOT__ITEM_NEXT_SEQUENCE = 128,
};

/* What a client's mail holds.
 *
 * PROPOSE  var count, u16 more, then count times: var size, bytes. more: so many mails follow that
 *          differ in nothing but id and sequence, each the next, and in the bytes of their one
 *          command, which are all there is of them; of at most VLOT__LIKE_BYTES only those bytes
 *          that differ from the command before: for each 8 of them, u8 which, then these,
 *          exclusive-or
 * READ     u32 client, u64 sequence, u64 min_index, u32 size, bytes
 * ORDER    u32 kind, u32 value
 */

enum { VLOT__LIKE_BYTES = 64, VLOT__LIKE_WORDS = VLOT__LIKE_BYTES / 8 };

/* --- bytes ------------------------------------------------------------------------------------ */

static inline uint8_t *vlot__put_var(uint8_t *at, uint64_t value) {
  for (; value >= 128; value >>= 7) *at++ = (uint8_t)(value | 128);
  *at = (uint8_t)value;
  return at + 1;
}
enum { VLOT__VAR_BYTES = 10 }; /* at most */
static inline uint8_t *vlot__put_head(uint8_t *at, uint32_t size, vlot__journal_type type,
                                      uint32_t flags, uint32_t node) {
  at = vlot__put32(at, size);
  at[0] = (uint8_t)type;
  at[1] = (uint8_t)flags;
  return vlot__put32(vlot__put16(at + 2, node), 0);
}

/* Checksum of the head; also of payloads in digests. */
uint64_t vlot__journal_hash(uint64_t hash, const void *data, size_t size);

/* Checksum of a record of [size]. */
static inline uint32_t vlot__journal_check(const uint8_t *record, uint32_t size) {
  return (uint32_t)(vlot__journal_hash(vlot__get64(record), record + VLOT__JOURNAL_RECORD_HEAD,
                                       size - VLOT__JOURNAL_RECORD_HEAD) >>
                    32);
}

/* A record is whole: its size and its checksum. */
static inline void vlot__journal_seal(uint8_t *record, uint32_t size) {
  vlot__put32(record, size);
  vlot__put32(record + 8, vlot__journal_check(record, size));
}

/* --- tape: of a node, by whoever runs its turn; or by control while it has no turn ------------ */

typedef struct vlot__tape {
  uint8_t *bytes; /* whole records that are not in the journal yet, then the open one */
  size_t size, capacity;
  size_t open;                      /* where the open record begins; SIZE_MAX: none is open */
  bool in_turn;                     /* a turn has begun, and has no END yet */
  bool is_cut;                      /* the node was found to be killed */
  uint32_t checks, routes, submits; /* of this turn, so far */
  uint64_t events;                  /* of the seat, when the turn began */
  /* the mail before, in the open record */
  uint64_t stamp, id, sequence;
  uint32_t client;
  /* the newest item, when it is one command that others like it may follow */
  size_t run_at;  /* where its `more` stands */
  size_t run_end; /* where it ends: the tape's end, when it is the newest; 0: it is none */
  uint32_t run_size;
  uint32_t run_more;
  uint64_t run_words[VLOT__LIKE_WORDS]; /* the command itself, where it is short */
} vlot__tape;

/* What a recorder of tapes does in a node's turn (recorder.h). Nothing happens when the journal has
 * ended early. */
void vlot__tape_begin(struct vlot__node *node, bool was_parked);
void vlot__tape_take(struct vlot__node *node, uint32_t kind, uint64_t stamp, const void *payload);
void vlot__tape_end(struct vlot__node *node);
bool vlot__tape_check(struct vlot__node *node, bool may);
vlot_result vlot__tape_submit(struct vlot__node *node, const vlot_write *write,
                              const vlot_storage_done *done);
vlot_result vlot__tape_keep(struct vlot__node *node, vlot_snapshot *snapshot);
void vlot__tape_rate(struct vlot__node *node, uint32_t permille, uint64_t changed);
void vlot__tape_sending(struct vlot__seat *seat);
void vlot__tape_calling(struct vlot__seat *seat);
void vlot__tape_sent(struct vlot__seat *seat, const struct vlot__fate *fate);
/* control's, between turns: into the journal with it, and with the end of a turn that was cut */
void vlot__tape_empty(struct vlot__node *node);

/* A digest of what a seat puts out: writes, events, answers (digest.c). A replay compares it. */
void vlot__digest_write(struct vlot__seat *seat, const vlot_write *write);
void vlot__digest_snapshot(struct vlot__seat *seat, const vlot_snapshot *snapshot);
void vlot__digest_event(struct vlot__seat *seat, const vlot_event *event);
void vlot__digest_answer(struct vlot__seat *seat, uint64_t sequence, uint64_t index,
                         const void *reply, size_t size);

/* What a node's mail must be to be the recorded one; 0 for what has no payload. */
uint32_t vlot__tape_mail_check(uint32_t kind, const void *payload);

/* --- journal ---------------------------------------------------------------------------------- */

/* record.c: record this cluster from now on; on VLOT_OK it has a journal and a recorder. */
vlot_result vlot__record_open(vlot_cluster *cluster);

/* journal.c: the buffers, and who writes them out. head [size] bytes go to the sink at once. */
vlot_result vlot__journal_open(vlot__journal **out, vlot_cluster *cluster, const void *head,
                               size_t size);
/* Write out everything; no node has a thread any more, or only such as are given up. Returns the
 * first error. */
vlot_result vlot__journal_finish(vlot__journal *journal);
void vlot__journal_close(vlot__journal *journal);

bool vlot__journal_is_on(const vlot__journal *journal);
void vlot__journal_append(vlot__journal *journal, const void *data, size_t size);
/* What was appended so far is where a crash of this process does not reach it: with the sink, which
 * is waited for. Returns at once after the journal has ended early. */
void vlot__journal_sync(vlot__journal *journal);
/* A tape found no memory: the journal ends here. */
void vlot__journal_short(vlot__journal *journal);

#endif
