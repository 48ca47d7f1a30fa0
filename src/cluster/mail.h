/* What nodes are sent: the kinds of mail and how each is laid out. The commands of a PROPOSE are
 * propose.h's. */
#ifndef VLOT_CLUSTER_MAIL_H
#define VLOT_CLUSTER_MAIL_H

#include "vlot/event.h"
#include "vlot/raft.h"

/* Kinds of mail that a node takes. */
typedef enum vlot__mail_kind {
  VLOT__MAIL_TICK = 1, /* no payload: a timer is due */
  VLOT__MAIL_MESSAGE,  /* vlot__mail_message */
  VLOT__MAIL_PROPOSE,  /* vlot__mail_propose */
  VLOT__MAIL_READ,     /* vlot__mail_read */
  VLOT__MAIL_ORDER,    /* vlot__mail_order */
  VLOT__MAIL_STORED,   /* vlot__mail_stored; in the control lane */
  VLOT__MAIL_FORWARD,  /* vlot__mail_forward: between nodes */
  /* vlot__mail_written; in the control lane; not 8, which a journal's items have taken */
  VLOT__MAIL_WRITTEN = 13,
} vlot__mail_kind;

/* A client's mail has at most so many bytes: the largest question there is, and its header. So one
 * finds room in an empty mailbox, also where a follower passes it on. */
enum { VLOT__MAIL_CLIENT_MAX = (64 << 20) + 4096, VLOT__MAILBOX_BYTES_MAX = 65 << 20 };

/* A TICK with this stamp, which is no tick, is a timer made to fire before it is due. */
#define VLOT__STAMP_FIRE UINT64_MAX

/* Begins every payload but STORED's and WRITTEN's. */
typedef struct vlot__mail_head {
  uint64_t id;      /* of this mail, in the whole cluster */
  uint64_t lamport; /* of the event that sent it */
  uint64_t cause;   /* that event; 0 */
} vlot__mail_head;

typedef struct vlot__mail_message {
  vlot__mail_head head;
  vlot_message message; /* its slices pointer is set by the receiver … */
  /* … to these: [message.as.append.slice_count], each holding a reference */
  vlot_slice slices[];
} vlot__mail_message;

typedef struct vlot__mail_propose {
  vlot__mail_head head;
  uint64_t sequence; /* of the first command */
  uint32_t client;
  uint32_t count;
  uint32_t hops;       /* 1: forwarded once, not again */
  uint32_t has_owners; /* some command's bytes are shared */
} vlot__mail_propose;  /* then [count] commands: propose.h */

typedef struct vlot__mail_read {
  vlot__mail_head head;
  uint64_t sequence;
  uint64_t min_index; /* or VLOT_READ_LINEARIZABLE */
  uint32_t client;
  uint32_t hops;
  uint32_t node;
  uint32_t size;
} vlot__mail_read; /* then the question, [size] bytes */

typedef struct vlot__mail_order {
  vlot__mail_head head;
  uint32_t kind; /* vlot_input_kind, or VLOT_ORDER_* */
  /* VLOT_ORDER_*, TRANSFER: number of who waits for it (asked.h); 0: nobody does */
  uint32_t value;
  uint64_t index; /* VLOT_ORDER_COMPACT: up to where; TRANSFER: to whom, 0: the best */
} vlot__mail_order;

/* What people are told of mail that is no message of Raft's. from: member, 0: a client. */
typedef struct vlot__mail_about {
  vlot_mail_told told;
  uint32_t from;
  uint64_t term;
} vlot__mail_about;

vlot__mail_about vlot__mail_tell(uint32_t kind, const void *payload);

/* Is there such an order? Of the core, kind: vlot_input_kind; or of a node. A person says it, or a
 * journal. */
bool vlot__mail_is_input(uint32_t kind, uint32_t value);
bool vlot__mail_order_has_index(uint32_t kind); /* it says more than its value */
bool vlot__mail_is_order(uint32_t kind, uint32_t value);

typedef struct vlot__mail_stored {
  uint64_t token;
  uint32_t result; /* vlot_result */
  uint32_t reserved;
} vlot__mail_stored;

/* What its machine was frozen to is written, or has failed. */
typedef struct vlot__mail_written {
  struct vlot__image *image; /* with a reference */
} vlot__mail_written;

/* What became of a stream of forwarded mails, at its leader. */
typedef enum vlot__forward_verdict {
  VLOT__FORWARD_TAKEN, /* it goes on */
  /* it does not lead in that term any more: from `number` on nothing was taken, nor will be */
  VLOT__FORWARD_REFUSED,
  VLOT__FORWARD_UNKNOWN, /* an earlier incarnation may have taken some */
} vlot__forward_verdict;

/* Clients' mails on their way from a follower to the leader, or the leader's answer. */
typedef struct vlot__mail_forward {
  vlot__mail_head head;
  uint64_t term;        /* in which the one leads whom the stream goes to */
  uint64_t number;      /* of this mail in its stream, 1 …; answer: which one is taken next */
  uint64_t copy;        /* counts what the follower sends; answer: the newest one that has come */
  uint32_t incarnation; /* the follower's */
  uint32_t from;        /* member */
  uint32_t count;       /* of clients' mails that follow; 0 in an answer and in a question */
  uint32_t is_answer;
  uint32_t verdict; /* answer: vlot__forward_verdict */
  uint32_t reserved;
} vlot__mail_forward;

/* One of them: its PROPOSE or READ follows, padded to 8 bytes. That one's cause is the event with
 * which the follower took it. */
typedef struct vlot__forwarded {
  uint32_t kind; /* vlot__mail_kind */
  uint32_t size;
} vlot__forwarded;

static inline size_t vlot__padded(size_t size) { return (size + 7) & ~(size_t)7; }

/* for (one = vlot__forwarded_first(mail), k = 0; k < mail->count; k++, one = next(one)) */
static inline vlot__forwarded *vlot__forwarded_first(const vlot__mail_forward *mail) {
  return (void *)(uintptr_t)(mail + 1);
}
static inline void *vlot__forwarded_mail(vlot__forwarded *one) { return one + 1; }
static inline vlot__mail_head *vlot__forwarded_head(vlot__forwarded *one) {
  return vlot__forwarded_mail(one);
}
static inline vlot__forwarded *vlot__forwarded_next(vlot__forwarded *one) {
  return (void *)((uint8_t *)(one + 1) + vlot__padded(one->size));
}

static inline size_t vlot__mail_read_size(size_t question) {
  return sizeof(vlot__mail_read) + question;
}

/* The question of a READ, [mail->size] bytes. */
static inline const uint8_t *vlot__mail_question(const vlot__mail_read *mail) {
  return (const uint8_t *)(mail + 1);
}

/* Lay a READ out in room of vlot__mail_read_size() bytes: fields are all but its size. */
void vlot__mail_lay_out_read(vlot__mail_read *mail, vlot__mail_read fields, const void *question,
                             size_t size);

/* What a mail is to whoever lists it: a Raft message's kind; 0 for every other mail. */
uint32_t vlot__mail_message_kind(uint32_t kind, const void *payload);

/* Give back what a mail's payload refers to. */
void vlot__mail_dispose(uint32_t kind, void *payload);
/* Take a further reference to all it refers to: it was copied. */
void vlot__mail_retain(uint32_t kind, void *payload);

#endif
