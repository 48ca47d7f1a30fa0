/* Call and reply. A caller outside actors has no mailbox: it waits on its own stack, listed under a
 * token.
 */
#include "actor/actor.h"
#include "actor/refuse.h"
#include "base/assert.h"

static vlot__call *find_call(vlot_actor_system *system, uint64_t token) {
  vlot__call *call = system->calls;
  while (call && call->token != token) call = call->next;
  return call;
}

/* What is done before it is sent (the system stops, somebody interrupts) is not sent. */
static vlot_result list_call(vlot_actor_system *system, vlot__call *call) {
  vlot_actor *to = (vlot_actor *)(uintptr_t)call->to;
  vlot_result result = VLOT_OK;
  vlot__lock(&system->calls_lock);
  if (system->takes_no_calls) result = VLOT_CLOSED;
  if (result == VLOT_OK && to->owes_interrupt) result = VLOT_INTERRUPTED;
  to->owes_interrupt = false;
  call->token = ++system->call_last;
  call->next = system->calls;
  system->calls = call;
  vlot__unlock(&system->calls_lock);
  return result;
}

/* Under the lock. */
static void unlist_call(vlot_actor_system *system, vlot__call *call) {
  vlot__call **link = &system->calls;
  while (*link != call) link = &(*link)->next;
  *link = call->next;
}

/* Under the lock, afterwards the caller's stack may be gone. */
static void end_call(vlot__call *call, vlot_result result, vlot_bytes *reply) {
  call->is_done = true;
  call->result = result;
  call->reply = reply;
  pthread_cond_signal(&call->answered);
}

/* Those to one actor, or NULL: to all. Returns how many. Under the lock. */
static size_t end_calls(vlot_actor_system *system, const vlot_actor *to, vlot_result result) {
  size_t count = 0;
  for (vlot__call *call = system->calls; call; call = call->next) {
    if (call->is_done || (to && call->to != to)) continue;
    end_call(call, result, NULL);
    count++;
  }
  return count;
}

void vlot__calls_end(vlot_actor *to) {
  vlot__lock(&to->system->calls_lock);
  (void)end_calls(to->system, to, VLOT_CLOSED);
  vlot__unlock(&to->system->calls_lock);
}

void vlot__calls_end_all(vlot_actor_system *system) {
  vlot__lock(&system->calls_lock);
  system->takes_no_calls = true;
  (void)end_calls(system, NULL, VLOT_CLOSED);
  vlot__unlock(&system->calls_lock);
}

void vlot_actor_interrupt(vlot_actor *to) {
  if (vlot__system_is_forked(to->system)) return;
  vlot__lock(&to->system->calls_lock);
  to->owes_interrupt = end_calls(to->system, to, VLOT_INTERRUPTED) == 0;
  vlot__unlock(&to->system->calls_lock);
}

vlot_result vlot__call_answer(vlot_actor_system *system, uint64_t token, vlot_result result,
                              vlot_bytes *reply) {
  vlot__lock(&system->calls_lock);
  vlot__call *call = find_call(system, token);
  bool is_waited_for = call && !call->is_done;
  if (is_waited_for) end_call(call, result, reply);
  vlot__unlock(&system->calls_lock);
  return is_waited_for
             ? VLOT_OK
             : vlot__refuse(VLOT_CLOSED, "the caller does not wait for its answer any more");
}

static void wait_for_answer(vlot_actor_system *system, vlot__call *call, uint64_t wait_ns) {
  uint64_t deadline = vlot__clock_after(vlot_clock_ns(), wait_ns);
  bool in_time = true;
  vlot__lock(&system->calls_lock);
  while (!call->is_done && in_time)
    in_time = vlot__cond_wait_piece(&call->answered, &system->calls_lock, deadline);
  unlist_call(system, call);
  vlot__unlock(&system->calls_lock);
}

vlot_result vlot_actor_call(vlot_actor *to, uint32_t kind, const void *payload, size_t size,
                            uint64_t wait_ns, vlot_bytes **reply) {
  VLOT_GIVEN(to);
  vlot_actor_system *system = to->system;
  if (reply) *reply = NULL;
  if (vlot__system_is_forked(system)) return vlot__refuse_forked();
  if (vlot__system_current(system)) return vlot__refuse_inside();
  if (kind >= VLOT_MAIL_RESERVED) return vlot__refuse_kind(kind);
  if (size > 0 && !payload) return vlot__refuse_payload(size);
  if (size > VLOT__MAIL_BYTES_MAX) return vlot__refuse_mail_size(size, VLOT__MAIL_BYTES_MAX);
  if (vlot__mail_bytes(size) > to->box.lanes[VLOT_LANE_DATA].bytes_max)
    return vlot__refuse_mail_size(vlot__mail_bytes(size), to->box.lanes[VLOT_LANE_DATA].bytes_max);

  vlot__call call = {.to = to, .result = VLOT_TIMEOUT};
  if (!vlot__cond_init(&call.answered)) return VLOT_NOMEM;
  vlot_result sent = list_call(system, &call);
  vlot_mail header = {.kind = kind,
                      .size = (uint32_t)size,
                      .sender = {.incarnation = VLOT__CALLER},
                      .stamp = call.token};
  vlot_piece piece = {.data = payload, .size = size};
  if (sent == VLOT_OK) sent = vlot__actor_post(to, VLOT_LANE_DATA, &header, &piece, 1);
  wait_for_answer(system, &call, sent == VLOT_OK ? wait_ns : 0);
  pthread_cond_destroy(&call.answered);
  if (reply)
    *reply = call.reply;
  else
    vlot_bytes_release(call.reply);
  return sent == VLOT_OK ? call.result : sent;
}

static void bury_late_answer(vlot_actor *self, const vlot_mail *mail, uint32_t kind, size_t size) {
  vlot_letter letter = {.sender = self->address,
                        .receiver = mail->sender,
                        .kind = kind,
                        .size = (uint32_t)size,
                        .stamp = mail->stamp,
                        .why = VLOT_WHY_DEADLINE,
                        .lane = VLOT_LANE_DATA};
  vlot__letters_add(&self->system->letters, &letter);
}

static vlot_result answer_caller(vlot_actor *self, const vlot_mail *mail, uint32_t kind,
                                 const void *payload, size_t size) {
  vlot_bytes *reply = vlot_bytes_copy(self->system->allocator, payload, size);
  if (!reply) return VLOT_NOMEM;
  bool brackets = !self->has_entered;
  if (brackets && !vlot_actor_enter(self)) {
    vlot_bytes_release(reply);
    return vlot__refuse_fenced();
  }
  vlot__actor_publish_now(self);
  vlot_result result = vlot__call_answer(self->system, mail->stamp, VLOT_OK, reply);
  if (brackets) vlot_actor_leave(self);
  if (result == VLOT_OK) return VLOT_OK;
  vlot_bytes_release(reply);
  bury_late_answer(self, mail, kind, size);
  return result;
}

vlot_result vlot_actor_reply(vlot_actor *self, const vlot_mail *mail, uint32_t kind,
                             const void *payload, size_t size) {
  VLOT_GIVEN(self);
  VLOT_GIVEN(mail);
  if (vlot__system_is_forked(self->system)) return vlot__refuse_forked();
  if (kind >= VLOT_MAIL_RESERVED) return vlot__refuse_kind(kind);
  if (size > 0 && !payload) return vlot__refuse_payload(size);
  if (size > VLOT__MAIL_BYTES_MAX) return vlot__refuse_mail_size(size, VLOT__MAIL_BYTES_MAX);
  if (mail->sender.id != 0) {
    vlot__actor_publish_now(self);
    return vlot_actor_send_to(self->system, self, mail->sender, VLOT_LANE_DATA, kind, mail->stamp,
                              payload, size);
  }
  if (mail->sender.incarnation != VLOT__CALLER)
    return vlot__refuse(VLOT_INVALID,
                        "the mail has no sender to reply to: nobody of an actor's has sent it");
  return answer_caller(self, mail, kind, payload, size);
}
