#include "vlot/actor_statem.h"

#include <string.h>

#include "actor/refuse.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/ring.h"

#define STATE_TIMER (UINT64_C(1) << 63)
#define EVENT_TIMER (STATE_TIMER | 1)
#define FIRST_TIMER (STATE_TIMER | 2) /* brings the first turn about, and is no event */

/* A mail kept beyond its turn. The payload follows the header as in a mailbox. */
typedef struct kept_event {
  vlot_statem_event_kind kind;
  vlot_mail *mail;
} kept_event;

struct vlot_statem {
  vlot_statem_options options;
  const vlot_allocator *allocator;
  vlot_actor *self;
  uint32_t state;
  uint32_t state_wanted;
  bool is_entering;
  /* armed by the present handler: it belongs to the state that follows */
  bool has_state_timeout;
  uint64_t dropped;
  vlot__ring next;      /* of kept_event, like the others */
  vlot__ring postponed; /* until the state changes */
  vlot__ring again;     /* was postponed, comes before newer mail */
};

/* --- kept events --- */

static vlot_mail *copy_mail(const vlot_allocator *allocator, const vlot_mail *header,
                            const void *payload) {
  vlot_mail *copy = vlot__alloc(allocator, 1, sizeof *copy + header->size);
  if (!copy) return NULL;
  *copy = *header;
  if (header->size > 0) memcpy(copy + 1, payload, header->size);
  return copy;
}

static void dispose_kept(vlot_statem *machine, const kept_event *kept, vlot_why why) {
  if (machine->options.dispose) machine->options.dispose(machine->options.context, kept->mail, why);
  vlot__alloc_free(machine->allocator, kept->mail);
}

static void dispose_ring(vlot_statem *machine, vlot__ring *ring) {
  for (size_t i = 0; i < ring->count; i++)
    dispose_kept(machine, vlot__ring_at(ring, i), VLOT_WHY_NODE_DOWN);
  vlot__ring_deinit(ring);
}

static vlot_result keep(vlot_statem *machine, vlot__ring *ring, size_t max,
                        vlot_statem_event_kind kind, const vlot_mail *header, const void *payload) {
  if (ring->count >= max)
    return vlot__refuse_value(VLOT_BUSY,
                              "{0} events wait already, and postponed_max or next_max allows {1}",
                              ring->count, max);
  if (!vlot__ring_reserve(ring, 1)) return VLOT_NOMEM;
  vlot_mail *copy = copy_mail(machine->allocator, header, payload);
  if (!copy) return VLOT_NOMEM;
  kept_event *kept = vlot__ring_push(ring);
  *kept = (kept_event){.kind = kind, .mail = copy};
  return VLOT_OK;
}

static void postpone(vlot_statem *machine, const vlot_statem_event *event) {
  const vlot_mail *mail = event->mail;
  VLOT_DUTY(mail, "postpone MAIL and NEXT only, no timeout");
  /* those that were postponed before and wait to come again count, too */
  size_t waiting = machine->again.count, max = machine->options.postponed_max;
  vlot_result result = keep(machine, &machine->postponed, max > waiting ? max - waiting : 0,
                            event->kind, mail, vlot_mail_payload(mail));
  if (result == VLOT_OK) return;
  machine->dropped++;
  vlot_why why = result == VLOT_BUSY ? VLOT_WHY_MAILBOX_FULL : VLOT_WHY_NO_MEMORY;
  if (machine->options.dispose) machine->options.dispose(machine->options.context, mail, why);
}

/* What was postponed is older than what was to come again and has not: it goes first. No memory: it
 * stays postponed, in order behind what comes, until the next change.
 */
static void replay_postponed(vlot_statem *machine) {
  vlot__ring *postponed = &machine->postponed, *again = &machine->again;
  if (!vlot__ring_reserve(postponed, again->count)) return;
  for (size_t i = 0; i < again->count; i++) {
    kept_event *kept = vlot__ring_push(postponed);
    *kept = *(kept_event *)vlot__ring_at(again, i);
  }
  vlot__ring_clear(again);
  vlot__ring emptied = *again;
  *again = *postponed;
  *postponed = emptied;
}

/* --- one event --- */

static vlot_statem_verdict call_handler(vlot_statem *machine, const vlot_statem_event *event) {
  return machine->options.handler(machine, machine->options.context, machine->state, event);
}

static void enter(vlot_statem *machine, uint32_t state_before) {
  machine->is_entering = true;
  (void)call_handler(machine,
                     &(vlot_statem_event){.kind = VLOT_STATEM_ENTER, .state_before = state_before});
  machine->is_entering = false;
}

static void change_state(vlot_statem *machine) {
  uint32_t before = machine->state;
  if (!machine->has_state_timeout) vlot_timer_cancel(machine->self, STATE_TIMER);
  machine->state = machine->state_wanted;
  enter(machine, before);
  replay_postponed(machine);
}

static void handle(vlot_statem *machine, const vlot_statem_event *event) {
  vlot_timer_cancel(machine->self, EVENT_TIMER); /* any event ends it */
  machine->has_state_timeout = false;
  machine->state_wanted = machine->state;
  if (call_handler(machine, event) == VLOT_STATEM_POSTPONE) postpone(machine, event);
  if (machine->state_wanted != machine->state) change_state(machine);
}

static bool pop(vlot__ring *ring, kept_event *kept) {
  if (ring->count == 0) return false;
  *kept = *(kept_event *)vlot__ring_at(ring, 0);
  vlot__ring_pop_front(ring);
  return true;
}

/* Next events, then those that come again, until neither is left. */
static void handle_kept(vlot_statem *machine) {
  kept_event kept;
  while (pop(&machine->next, &kept) || pop(&machine->again, &kept)) {
    handle(machine, &(vlot_statem_event){.kind = kept.kind, .mail = kept.mail});
    vlot__alloc_free(machine->allocator, kept.mail);
  }
}

static vlot_statem_event event_of(const vlot_mail *mail) {
  if (mail->kind != VLOT_MAIL_TIMER)
    return (vlot_statem_event){.kind = VLOT_STATEM_MAIL, .mail = mail};
  if (mail->stamp == STATE_TIMER) return (vlot_statem_event){.kind = VLOT_STATEM_STATE_TIMEOUT};
  if (mail->stamp == EVENT_TIMER) return (vlot_statem_event){.kind = VLOT_STATEM_EVENT_TIMEOUT};
  return (vlot_statem_event){.kind = VLOT_STATEM_TIMEOUT, .name = mail->stamp};
}

/* --- the behaviour --- */

static void turn(vlot_actor *self, void *context, vlot_turn *mails) {
  vlot_statem *machine = context;
  (void)self;
  handle_kept(machine); /* of the start */
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(mails))) {
    if (mail->kind == VLOT_MAIL_TIMER && mail->stamp == FIRST_TIMER) continue;
    vlot_statem_event event = event_of(mail);
    handle(machine, &event);
    handle_kept(machine);
  }
}

static vlot_result start(vlot_actor *self, void *context) {
  vlot_statem *machine = context;
  machine->self = self;
  enter(machine, machine->state);
  if (machine->next.count == 0) return VLOT_OK;
  /* next events of the first ENTER come before any mail: a timer of delay 0 brings the turn about
   */
  return vlot_timer_set(self, FIRST_TIMER, 0, NULL);
}

static void finish(void *context) { vlot_statem_close(context); }

static void dispose(void *context, const vlot_mail *mail, vlot_why why) {
  vlot_statem *machine = context;
  if (machine->options.dispose) machine->options.dispose(machine->options.context, mail, why);
}

vlot_behaviour vlot_statem_behaviour(void) {
  return (vlot_behaviour){.turn = turn, .start = start, .finish = finish, .dispose = dispose};
}

/* --- open and close --- */

void vlot_statem_options_init(vlot_statem_options *options) {
  VLOT_GIVEN(options);
  *options =
      (vlot_statem_options){.size = sizeof *options, .postponed_max = 1024, .next_max = 1024};
}

vlot_result vlot_statem_open(const vlot_statem_options *options, vlot_statem **machine) {
  VLOT_GIVEN(machine);
  *machine = NULL;
  if (!options || options->size != sizeof *options)
    return vlot__refuse(VLOT_INVALID, "options: call vlot_statem_options_init() first");
  if (!options->handler) return vlot__refuse(VLOT_INVALID, "handler: missing");
  const vlot_allocator *allocator = vlot__alloc_or_default(options->allocator);
  vlot_statem *made = vlot__alloc_zero(allocator, 1, sizeof *made);
  if (!made) return VLOT_NOMEM;
  made->options = *options;
  made->allocator = allocator;
  made->state = made->state_wanted = options->state;
  vlot__ring_init(&made->next, allocator, sizeof(kept_event));
  vlot__ring_init(&made->postponed, allocator, sizeof(kept_event));
  vlot__ring_init(&made->again, allocator, sizeof(kept_event));
  *machine = made;
  return VLOT_OK;
}

void vlot_statem_close(vlot_statem *machine) {
  if (!machine) return;
  dispose_ring(machine, &machine->next);
  dispose_ring(machine, &machine->again);
  dispose_ring(machine, &machine->postponed);
  if (machine->options.finish) machine->options.finish(machine->options.context);
  vlot__alloc_free(machine->allocator, machine);
}

/* --- inside the handler --- */

vlot_actor *vlot_statem_self(vlot_statem *machine) {
  VLOT_GIVEN(machine);
  return machine->self;
}

void vlot_statem_goto(vlot_statem *machine, uint32_t state) {
  VLOT_GIVEN(machine);
  VLOT_DUTY(!machine->is_entering, "go to another state in any event but ENTER");
  machine->state_wanted = state;
}

vlot_result vlot_statem_set_state_timeout(vlot_statem *machine, uint64_t delay_ns) {
  VLOT_GIVEN(machine);
  vlot_result result = vlot_timer_set(machine->self, STATE_TIMER, delay_ns, NULL);
  if (result == VLOT_OK) machine->has_state_timeout = true;
  return result;
}

vlot_result vlot_statem_set_event_timeout(vlot_statem *machine, uint64_t delay_ns) {
  VLOT_GIVEN(machine);
  return vlot_timer_set(machine->self, EVENT_TIMER, delay_ns, NULL);
}

vlot_result vlot_statem_set_timeout(vlot_statem *machine, uint64_t name, uint64_t delay_ns) {
  VLOT_GIVEN(machine);
  if (name >= STATE_TIMER)
    return vlot__refuse_value(VLOT_INVALID, "name {0}: below {1}", name, STATE_TIMER);
  return vlot_timer_set(machine->self, name, delay_ns, NULL);
}

bool vlot_statem_cancel_timeout(vlot_statem *machine, uint64_t name) {
  VLOT_GIVEN(machine);
  return name < STATE_TIMER && vlot_timer_cancel(machine->self, name);
}

vlot_result vlot_statem_next(vlot_statem *machine, uint32_t kind, uint64_t stamp,
                             const void *payload, size_t size) {
  VLOT_GIVEN(machine);
  if (kind >= VLOT_MAIL_RESERVED) return vlot__refuse_kind(kind);
  if (size > 0 && !payload) return vlot__refuse_payload(size);
  if (size > UINT32_MAX / 4) return vlot__refuse_mail_size(size, UINT32_MAX / 4);
  vlot_mail header = {.kind = kind,
                      .size = (uint32_t)size,
                      .sender = vlot_actor_address(machine->self),
                      .stamp = stamp};
  return keep(machine, &machine->next, machine->options.next_max, VLOT_STATEM_NEXT, &header,
              payload);
}

uint64_t vlot_statem_dropped(const vlot_statem *machine) {
  VLOT_GIVEN(machine);
  return machine->dropped;
}
