/* Sending: one lock, the receiver's; memory is fetched without it; the signal goes out after the
 * unlock.
 */
#include <string.h>

#include "actor/actor.h"
#include "actor/refuse.h"
#include "base/assert.h"

#define NOINLINE            __attribute__((noinline))
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The lock is held; given up and taken again while a chunk is allocated. */
static NOINLINE vlot_mail *fetch_room(vlot_actor *to, vlot_lane lane, size_t size,
                                      vlot_result *result) {
  vlot__mailbox *box = &to->box;
  vlot_mail *mail = NULL;
  while (!mail && *result == VLOT_PENDING) {
    size_t wanted = vlot__mailbox_wanted(box, lane, vlot__mail_bytes(size));
    vlot__unlock(&box->lock);
    vlot__chunk *chunk = vlot__chunk_make(box->allocator, wanted);
    vlot__lock(&box->lock);
    if (!chunk) {
      *result = VLOT_NOMEM;
      return NULL;
    }
    vlot__mailbox_give(box, chunk);
    mail = vlot__mailbox_room(box, lane, size, result);
  }
  return mail;
}

static inline vlot_mail *find_room(vlot_actor *to, vlot_lane lane, size_t size,
                                   vlot_result *result) {
  vlot_mail *mail = vlot__mailbox_room(&to->box, lane, size, result);
  if (UNLIKELY(*result == VLOT_PENDING)) return fetch_room(to, lane, size, result);
  return mail;
}

static inline void copy_pieces(vlot_mail *mail, const vlot_piece *pieces, size_t count) {
  unsigned char *at = (unsigned char *)(mail + 1);
  for (size_t i = 0; i < count; i++) {
    if (pieces[i].size > 0) memcpy(at, pieces[i].data, pieces[i].size);
    at += pieces[i].size;
  }
}

static inline __attribute__((always_inline)) vlot_result
post(vlot_actor *to, vlot_lane lane, vlot_mail header, const vlot_piece *pieces, size_t count) {
  vlot_result result;
  vlot__lock(&to->box.lock);
  vlot_mail *mail = find_room(to, lane, header.size, &result);
  bool wakes = false;
  if (mail) {
    *mail = header;
    copy_pieces(mail, pieces, count);
    wakes = vlot__actor_is_to_wake(to);
  }
  vlot__unlock(&to->box.lock);
  if (UNLIKELY(wakes)) pthread_cond_signal(&to->wake);
  return result;
}

vlot_result vlot__actor_post(vlot_actor *to, vlot_lane lane, const vlot_mail *header,
                             const vlot_piece *pieces, size_t count) {
  return post(to, lane, *header, pieces, count);
}

/* The total size, or why not. */
static inline vlot_result check(const vlot_actor *to, vlot_lane lane, uint32_t kind,
                                const vlot_piece *pieces, size_t count, size_t *size) {
  if (vlot__system_is_forked(to->system)) return vlot__refuse_forked();
  if (kind >= VLOT_MAIL_RESERVED) return vlot__refuse_kind(kind);
  if ((unsigned)lane > VLOT_LANE_DATA)
    return vlot__refuse_value(VLOT_INVALID, "lane {0}: VLOT_LANE_CONTROL or DATA", lane, 0);
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    if (pieces[i].size > VLOT__MAIL_BYTES_MAX - total)
      return vlot__refuse_mail_size(pieces[i].size, VLOT__MAIL_BYTES_MAX - total);
    if (pieces[i].size > 0 && !pieces[i].data) return vlot__refuse_payload(pieces[i].size);
    total += pieces[i].size;
  }
  if (vlot__mail_bytes(total) > to->box.lanes[lane].bytes_max)
    return vlot__refuse_mail_size(vlot__mail_bytes(total), to->box.lanes[lane].bytes_max);
  *size = total;
  return VLOT_OK;
}

/* A send of an actor is an effect: inside its enter and leave, or bracketed here. */
static inline bool is_to_bracket(const vlot_actor *from) { return from && !from->has_entered; }

static inline vlot_mail header_of(const vlot_actor *from, uint32_t kind, uint64_t stamp,
                                  size_t size) {
  return (vlot_mail){.kind = kind,
                     .size = (uint32_t)size,
                     .sender = from ? from->address : (vlot_address){0},
                     .stamp = stamp};
}

static inline __attribute__((always_inline)) vlot_result
send_pieces(vlot_actor *from, vlot_actor *to, vlot_lane lane, uint32_t kind, uint64_t stamp,
            const vlot_piece *pieces, size_t count) {
  size_t size = 0;
  vlot_result result = check(to, lane, kind, pieces, count, &size);
  if (result != VLOT_OK) return result;
  bool brackets = is_to_bracket(from);
  if (brackets && !vlot_actor_enter(from)) return vlot__refuse_fenced();
  result = post(to, lane, header_of(from, kind, stamp, size), pieces, count);
  if (brackets) vlot_actor_leave(from);
  return result;
}

vlot_result vlot_actor_send(vlot_actor *from, vlot_actor *to, vlot_lane lane, uint32_t kind,
                            uint64_t stamp, const void *payload, size_t size) {
  VLOT_GIVEN(to);
  vlot_piece piece = {.data = payload, .size = size};
  return send_pieces(from, to, lane, kind, stamp, &piece, 1);
}

vlot_result vlot_actor_send_pieces(vlot_actor *from, vlot_actor *to, vlot_lane lane, uint32_t kind,
                                   uint64_t stamp, const vlot_piece *pieces, size_t count) {
  VLOT_GIVEN(to);
  return send_pieces(from, to, lane, kind, stamp, pieces, count);
}

vlot_result vlot_actor_send_to(vlot_actor_system *system, vlot_actor *from, vlot_address to,
                               vlot_lane lane, uint32_t kind, uint64_t stamp, const void *payload,
                               size_t size) {
  VLOT_GIVEN(system);
  if (vlot__system_is_forked(system)) return vlot__refuse_forked();
  vlot_actor *actor = vlot__registry_find(system, to.id, to.incarnation);
  if (!actor)
    return vlot__refuse_value(VLOT_CLOSED,
                              "no actor has id {0} and incarnation {1}, or it has ended", to.id,
                              to.incarnation);
  vlot_result result = vlot_actor_send(from, actor, lane, kind, stamp, payload, size);
  vlot_actor_release(actor);
  return result;
}

/* --- coalesced --- */

static vlot_result post_latest(vlot_actor *to, const vlot_mail *header, const vlot_piece *piece) {
  vlot_result result = VLOT_OK;
  vlot__mailbox *box = &to->box;
  bool wakes = false;
  vlot__lock(&box->lock);
  vlot_mail *mail = box->is_closed ? NULL : box->latest;
  if (mail && mail->kind == header->kind && mail->size == header->size) {
    box->lanes[VLOT_LANE_DATA].sent++;
    box->dropped++;
  } else {
    mail = find_room(to, VLOT_LANE_DATA, header->size, &result);
  }
  if (mail) {
    *mail = *header;
    copy_pieces(mail, piece, 1);
    box->latest = mail;
    wakes = vlot__actor_is_to_wake(to);
  }
  vlot__unlock(&box->lock);
  if (wakes) pthread_cond_signal(&to->wake);
  return result;
}

vlot_result vlot_actor_send_latest(vlot_actor *from, vlot_actor *to, uint32_t kind, uint64_t stamp,
                                   const void *payload, size_t size) {
  VLOT_GIVEN(to);
  vlot_piece piece = {.data = payload, .size = size};
  size_t total = 0;
  vlot_result result = check(to, VLOT_LANE_DATA, kind, &piece, 1, &total);
  if (result != VLOT_OK) return result;
  bool brackets = is_to_bracket(from);
  if (brackets && !vlot_actor_enter(from)) return vlot__refuse_fenced();
  vlot_mail header = header_of(from, kind, stamp, size);
  result = post_latest(to, &header, &piece);
  if (brackets) vlot_actor_leave(from);
  return result;
}

/* --- effects --- */

bool vlot_actor_enter(vlot_actor *self) {
  VLOT_GIVEN(self);
  VLOT_DUTY(!self->has_entered, "leave before entering again");
  self->has_entered = vlot__fence_enter(&self->fence);
  return self->has_entered;
}

void vlot_actor_leave(vlot_actor *self) {
  VLOT_GIVEN(self);
  VLOT_DUTY(self->has_entered, "leave only what was entered");
  self->has_entered = false;
  if (vlot__fence_leave(&self->fence)) vlot__actor_announce(self);
}

bool vlot_actor_is_fenced(const vlot_actor *actor) {
  VLOT_GIVEN(actor);
  return vlot__fence_is_closed(&actor->fence);
}
