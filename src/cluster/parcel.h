/* One mail on its way: what route() and the drivers pass on. */
#ifndef VLOT_CLUSTER_PARCEL_H
#define VLOT_CLUSTER_PARCEL_H

#include "cluster/mail.h"
#include "vlot/actor.h"

struct vlot__seat;

/* A sender's remembered handle of a receiver: renewed when the receiver's incarnation has
 * changed. */
typedef struct vlot__contact {
  uint32_t to;
  uint32_t incarnation;
  vlot_actor *actor;
} vlot__contact;

/* A sender's: used in its turns, or by a client's owner, and by nobody else. */
typedef struct vlot__contacts {
  vlot__contact *items; /* [count] by_id.h */
  size_t count;
  size_t capacity;
} vlot__contacts;

/* The one of a member, entered if there is none; valid until another is entered. NULL without
 * memory. parcel.c */
vlot__contact *vlot__contacts_get(vlot__contacts *contacts, const vlot_allocator *allocator,
                                  uint32_t to);
void vlot__contacts_free(vlot__contacts *contacts, const vlot_allocator *allocator);

typedef struct vlot__parcel {
  struct vlot__seat *sender; /* in whose turn it is sent; NULL: by a client, the clock, control */
  vlot__contact *contact;    /* the sender's of the receiver; NULL: none is remembered */
  uint32_t from;             /* member; 0: a client */
  uint32_t to;
  uint32_t kind;         /* vlot__mail_kind */
  uint32_t message_kind; /* 0: it is no Raft message */
  vlot_why why;          /* of an append that time sends; NONE */
  uint64_t due;          /* cluster tick */
  bool may_overtake;     /* what was sent on the same link before */
  bool puts_off;         /* its sender waits for the answer at once: nobody need be woken */
  vlot__mail_head *head; /* begins the first piece */
  vlot_piece pieces[2];  /* [count]; a message's slices are the second */
  size_t count;
} vlot__parcel;

/* One block of payload, to a member. Field by field, because for the whole of it compilers use an
 * instruction that takes longer than the rest of sending. */
static inline vlot__parcel vlot__parcel_of(uint32_t to, uint32_t kind, void *payload, size_t size) {
  vlot__parcel parcel;
  parcel.sender = NULL;
  parcel.contact = NULL;
  parcel.from = 0;
  parcel.to = to;
  parcel.kind = kind;
  parcel.message_kind = 0;
  parcel.why = VLOT_WHY_NONE;
  parcel.due = 0;
  parcel.may_overtake = false;
  parcel.puts_off = false;
  parcel.head = payload;
  parcel.pieces[0] = (vlot_piece){.data = payload, .size = size};
  parcel.pieces[1] = (vlot_piece){.data = NULL};
  parcel.count = 1;
  return parcel;
}

static inline size_t vlot__parcel_size(const vlot__parcel *parcel) {
  return parcel->pieces[0].size + (parcel->count > 1 ? parcel->pieces[1].size : 0);
}

#endif
