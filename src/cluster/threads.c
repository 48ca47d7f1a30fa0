/* The threads driver: every node is an actor; the clock's thread turns real time into ticks,
 * lets go of delayed mail and completes delayed writes. It sleeps until something is due, so that
 * an idle cluster costs next to nothing.
 *
 * The clock never catches up: however long the process or this thread stood still, time goes on by
 * what was planned, so a breakpoint cannot cause an election.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/describe.h"
#include "cluster/internal.h"

/* Mail that a link delays. */
typedef struct later {
  uint64_t due;
  uint64_t number; /* keeps the order of mail due at the same tick */
  uint32_t from;
  uint32_t to;
  uint32_t kind;
  uint32_t size;
  uint8_t payload[] __attribute__((aligned(8)));
} later;

struct vlot__clock {
  vlot_cluster *cluster;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool must_stop;
  bool must_pause;
  bool is_paused;
  bool is_poked;            /* look again: something is due earlier than planned */
  _Atomic uint64_t planned; /* tick at which it looks next */
  uint64_t anchor_ns;       /* when the present tick began */
  later **heap;             /* by (due, number) */
  size_t count, capacity;
  uint64_t numbers;
  /* [nodes * nodes], made when it is needed: arrival of the newest slow mail on a link */
  uint64_t *newest;
  /* its own */
  uint64_t traced_ns; /* when it last looked for a debugger */
  bool is_traced;
  bool waits_for_straggler;
};

/* For a debugger: see base/describe.h. */
const vlot__described vlot_described_clock[] VLOT__DESCRIBED = {
    VLOT__VERSION,
    VLOT__STRUCT(clock, struct vlot__clock),
    VLOT__POINTER(clock.cluster, struct vlot__clock, cluster, cluster, struct vlot_cluster),
    VLOT__NUMBER(clock.planned, struct vlot__clock, planned),
    VLOT__POINTERS_AT(clock.late, struct vlot__clock, heap, late, later, late_count),
    VLOT__NUMBER(clock.late_count, struct vlot__clock, count),
    VLOT__STRUCT(late, struct later),
    VLOT__NUMBER(late.due, struct later, due),
    VLOT__NUMBER(late.number, struct later, number),
    VLOT__NUMBER(late.node, struct later, to),
    VLOT__NUMBER(late.sender, struct later, from),
    VLOT__NUMBER(late.mail_kind, struct later, kind),
    VLOT__PLACE(late.payload, struct later, payload),
    VLOT__END,
};

/* --- delayed mail --- */

static bool later_is_before(const later *a, const later *b) {
  return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void push_later(vlot__clock *clock, later *one) {
  size_t place = clock->count++;
  while (place > 0 && later_is_before(one, clock->heap[(place - 1) / 2])) {
    clock->heap[place] = clock->heap[(place - 1) / 2];
    place = (place - 1) / 2;
  }
  clock->heap[place] = one;
}

static later *pop_later(vlot__clock *clock) {
  later *first = clock->heap[0];
  later *last = clock->heap[--clock->count];
  size_t place = 0;
  for (;;) {
    size_t child = 2 * place + 1;
    if (child >= clock->count) break;
    if (child + 1 < clock->count && later_is_before(clock->heap[child + 1], clock->heap[child]))
      child++;
    if (!later_is_before(clock->heap[child], last)) break;
    clock->heap[place] = clock->heap[child];
    place = child;
  }
  if (clock->count > 0) clock->heap[place] = last;
  return first;
}

uint64_t vlot__threads_arrival(vlot_cluster *cluster, uint32_t from, uint32_t to, uint64_t due) {
  vlot__clock *clock = cluster->clock;
  size_t links = (size_t)cluster->nodes * cluster->nodes,
         link = (size_t)(from - 1) * cluster->nodes + (to - 1);
  pthread_mutex_lock(&clock->lock);
  if (!clock->newest)
    clock->newest = vlot__alloc_zero(cluster->allocator, links, sizeof *clock->newest);
  if (clock->newest) { /* without memory it is as if the link reordered */
    if (due < clock->newest[link]) due = clock->newest[link];
    clock->newest[link] = due;
  }
  if (due > atomic_load(&cluster->slow_until)) atomic_store(&cluster->slow_until, due);
  pthread_mutex_unlock(&clock->lock);
  return due;
}

vlot_result vlot__threads_post_later(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                     uint32_t kind, uint64_t due, const vlot_piece *pieces,
                                     size_t count) {
  vlot__clock *clock = cluster->clock;
  size_t size = 0;
  for (size_t k = 0; k < count; k++) size += pieces[k].size;
  later *one = vlot__alloc(cluster->allocator, 1, sizeof *one + size);
  if (!one) return VLOT_NOMEM;
  uint8_t *at = one->payload;
  for (size_t k = 0; k < count; k++) {
    memcpy(at, pieces[k].data, pieces[k].size);
    at += pieces[k].size;
  }
  one->due = due;
  one->from = from;
  one->to = to;
  one->kind = kind;
  one->size = (uint32_t)size;
  pthread_mutex_lock(&clock->lock);
  void *heap = clock->heap;
  bool has_room = vlot__alloc_grow(cluster->allocator, &heap, &clock->capacity, clock->count + 1,
                                   sizeof *clock->heap);
  clock->heap = heap;
  if (has_room) {
    one->number = clock->numbers++;
    push_later(clock, one);
  }
  pthread_mutex_unlock(&clock->lock);
  if (!has_room) {
    vlot__alloc_free(cluster->allocator, one);
    return VLOT_NOMEM;
  }
  vlot__threads_wake_clock(cluster, due);
  return VLOT_OK;
}

/* --- posting --- */

/* Renew a remembered handle when the member has another incarnation by now. */
static void renew(vlot__slot *slot, vlot__contact *contact) {
  vlot_actor_release(contact->actor);
  pthread_mutex_lock(&slot->cluster->slots_lock);
  contact->actor = vlot_actor_retain(slot->actor);
  contact->incarnation = atomic_load(&slot->actor_incarnation);
  pthread_mutex_unlock(&slot->cluster->slots_lock);
}

vlot_result vlot__threads_post(vlot_cluster *cluster, vlot__slot *from, vlot__contact *contact,
                               uint32_t to, uint32_t kind, const vlot_piece *pieces, size_t count) {
  vlot__slot *slot = vlot__slot_of(cluster, to);
  vlot__contact fresh = {0};
  vlot__contact *used = contact ? contact : &fresh;
  vlot_result result = VLOT_CLOSED;
  if (!used->actor ||
      used->incarnation != atomic_load_explicit(&slot->actor_incarnation, memory_order_relaxed))
    renew(slot, used);
  if (used->actor)
    result = vlot_actor_send_pieces(from ? from->turn_actor : NULL, used->actor, VLOT_LANE_DATA,
                                    kind, vlot__now(cluster), pieces, count);
  if (!contact) vlot_actor_release(fresh.actor);
  return result;
}

/* The actor of a slot, with a reference; NULL. */
static vlot_actor *actor_of(vlot__slot *slot) {
  pthread_mutex_lock(&slot->cluster->slots_lock);
  vlot_actor *actor = vlot_actor_retain(slot->actor);
  pthread_mutex_unlock(&slot->cluster->slots_lock);
  return actor;
}

void vlot__write_done(void *context, uint64_t token, vlot_result result) {
  vlot__slot *slot = context;
  vlot__mail_stored stored = {.token = token, .result = result};
  if (vlot__drives(slot->cluster)) {
    vlot__lockstep_stored(slot, &stored);
    return;
  }
  vlot_actor *actor = actor_of(slot);
  /* control capacity is reserved; an actor that is gone needs no answer */
  if (actor && vlot_actor_send(NULL, actor, VLOT_LANE_CONTROL, VLOT__MAIL_STORED,
                               vlot__now(slot->cluster), &stored, sizeof stored) == VLOT_NOMEM)
    vlot__log(slot->cluster, "n%u: out of memory, a completed write could not be told", slot->id);
  vlot_actor_release(actor);
}

static void send_tick(vlot__slot *slot) {
  vlot_actor *actor = actor_of(slot);
  if (actor && vlot_actor_send_latest(NULL, actor, VLOT__MAIL_TICK, vlot__now(slot->cluster), NULL,
                                      0) != VLOT_OK)
    slot->is_tick_sent = false; /* again at the next tick */
  vlot_actor_release(actor);
}

void vlot__threads_poke(vlot__slot *slot) {
  if (atomic_load(&slot->state) == VLOT_NODE_UP) send_tick(slot);
}

/* --- turns --- */

/* While a cluster is being paused: mail goes to the pending list, completions of writes to the
 * core. */
static void collect(vlot__slot *slot, vlot_turn *turn) {
  const vlot_mail *mail;
  vlot__node_begin(slot->node, NULL, false);
  while ((mail = vlot_turn_next(turn)) != NULL) {
    vlot__mail_head *head = (void *)(uintptr_t)vlot_mail_payload(mail);
    const vlot__mail_message *message = (const void *)head;
    uint32_t message_kind = mail->kind == VLOT__MAIL_MESSAGE ? message->message.kind : 0;
    vlot_piece piece = {.data = head, .size = mail->size};
    if (mail->kind == VLOT__MAIL_TICK || mail->kind >= VLOT_MAIL_RESERVED) continue;
    if (mail->kind == VLOT__MAIL_STORED)
      vlot__node_take(slot->node, mail->kind, mail->stamp, head, mail->size);
    else if (vlot__lockstep_post(
                 slot->cluster, message_kind ? message->message.from : mail->sender.id, slot->id,
                 mail->kind, message_kind, vlot__now(slot->cluster), false, &piece, 1) != VLOT_OK)
      vlot__mail_dispose(mail->kind, head);
  }
  vlot__node_end(slot->node);
}

static void after_turn(vlot_cluster *cluster, vlot__slot *slot) {
  uint64_t due = vlot__node_due(slot->node);
  vlot__slot_publish(slot);
  if (due != atomic_load_explicit(&slot->due, memory_order_relaxed)) atomic_store(&slot->due, due);
  if (vlot__node_is_fenced(slot->node) &&
      atomic_exchange(&slot->state, VLOT_NODE_FENCED) != VLOT_NODE_FENCED)
    vlot__log(cluster, "n%u is fenced and takes nothing any more: %s", slot->id,
              vlot__node_fenced_text(slot->node));
  vlot__threads_wake_clock(cluster, due);
  vlot__notify_changed(cluster);
}

static void take_turn(vlot_actor *self, void *context, vlot_turn *turn) {
  vlot__node *node = context;
  vlot__slot *slot = vlot__node_slot(node);
  vlot_cluster *cluster = slot->cluster;
  const vlot_mail *mail;
  if (slot->is_collected) {
    collect(slot, turn);
    return;
  }
  bool was_parked = cluster->is_lockstep ? !slot->was_suspended : vlot_turn_was_parked(turn);
  /* a node's thread stays one */
  if (!pthread_getspecific(cluster->in_turn)) pthread_setspecific(cluster->in_turn, cluster);
  vlot__node_begin(node, cluster->is_lockstep ? NULL : self, was_parked);
  while ((mail = vlot_turn_next(turn)) != NULL)
    if (mail->kind < VLOT_MAIL_RESERVED)
      vlot__node_take(node, mail->kind, mail->stamp, (void *)(uintptr_t)vlot_mail_payload(mail),
                      mail->size);
  vlot__node_end(node);
  /* fenced meanwhile: the slot may belong to another incarnation by now */
  if (!cluster->is_lockstep && !vlot_actor_is_fenced(self)) after_turn(cluster, slot);
}

static void dispose_mail(void *context, const vlot_mail *mail, vlot_why why) {
  vlot__slot *slot = vlot__node_slot(context);
  void *payload = (void *)(uintptr_t)vlot_mail_payload(mail);
  vlot__mail_refused(slot->cluster, mail->kind, payload, why);
  vlot__mail_dispose(mail->kind, payload);
}

/* The last call on the node's thread; late, when it was stuck in user code. */
static void leave(void *context) {
  vlot__node *node = context;
  if (vlot__node_leave(node)) vlot__node_free(node);
}

vlot_result vlot__threads_start(vlot__slot *slot, bool is_held) {
  vlot_cluster *cluster = slot->cluster;
  vlot_actor_options options;
  vlot_actor *actor;
  char name[16];
  vlot_actor_options_init(&options);
  snprintf(name, sizeof name, "vlot-n%u", slot->id);
  options.name = name;
  options.id = slot->id;
  options.behaviour = (vlot_behaviour){.turn = take_turn, .finish = leave, .dispose = dispose_mail};
  options.context = slot->node;
  options.spin_ns = cluster->options.spin_ns;
  options.is_held = is_held;
  if (!slot->contacts)
    slot->contacts = vlot__alloc_zero(cluster->allocator, cluster->nodes, sizeof *slot->contacts);
  if (!slot->contacts) return VLOT_NOMEM;
  vlot__node_share(slot->node);
  vlot_result result = vlot_actor_spawn(cluster->actors, &options, &actor);
  if (result != VLOT_OK) return result;
  pthread_mutex_lock(&cluster->slots_lock);
  vlot_actor *before = slot->actor;
  slot->actor = actor;
  atomic_store(&slot->actor_incarnation, slot->incarnation);
  pthread_mutex_unlock(&cluster->slots_lock);
  vlot_actor_release(before);
  slot->is_tick_sent = false;
  return VLOT_OK;
}

vlot_result vlot__threads_stop(vlot__slot *slot, vlot_why why, bool is_power_cut) {
  vlot_cluster *cluster = slot->cluster;
  /* the storage is told when no effect of this incarnation is open any more */
  (void)is_power_cut;
  vlot_result result = vlot_actor_kill_wait(slot->actor, why, cluster->options.stop_ns);
  if (result == VLOT_TIMEOUT)
    vlot__log(cluster, "n%u is stuck in user code: its thread is quarantined and left alone",
              slot->id);
  pthread_mutex_lock(&cluster->slots_lock);
  vlot_actor *before = slot->actor;
  slot->actor = NULL;
  pthread_mutex_unlock(&cluster->slots_lock);
  vlot_actor_release(before);
  return result;
}

/* --- the clock --- */

bool vlot__threads_must_wake(vlot_cluster *cluster, uint64_t due) {
  vlot__clock *clock = cluster->clock;
  return clock && due < atomic_load_explicit(&clock->planned, memory_order_seq_cst);
}

void vlot__threads_wake_clock(vlot_cluster *cluster, uint64_t due) {
  vlot__clock *clock = cluster->clock;
  if (!vlot__threads_must_wake(cluster, due)) return;
  pthread_mutex_lock(&clock->lock);
  clock->is_poked = true;
  pthread_mutex_unlock(&clock->lock);
  pthread_cond_signal(&clock->wake);
}

/* When this node needs the clock: at its timer; or, when it has been told and has not come
 * round to it, a little later, to be told again: it speaks up itself as soon as it has another
 * timer.
 */
static uint64_t due_of(vlot__slot *slot, uint64_t now) {
  uint64_t due = VLOT_NEVER;
  if (atomic_load(&slot->state) == VLOT_NODE_UP) {
    due = atomic_load(&slot->due);
    if (due <= now && slot->is_tick_sent && slot->tick_sent_due == due)
      due = now + slot->cluster->options.raft.heartbeat_ticks;
  }
  if (slot->disk) {
    uint64_t write = vlot__disk_next_due(slot->disk);
    if (write < due) due = write;
  }
  return due;
}

static uint64_t next_due(vlot__clock *clock) {
  vlot_cluster *cluster = clock->cluster;
  uint64_t now = vlot__now(cluster);
  uint64_t due = vlot__clients_due(cluster);
  if (due <= now) due = now + 1; /* it has been woken, and has not come round to it */
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    uint64_t one = due_of(&cluster->slots[k], now);
    if (one < due) due = one;
  }
  if ((atomic_load(&cluster->waiters) > 0 || vlot__requests_wait(cluster)) && now + 1 < due)
    due = now + 1;
  pthread_mutex_lock(&clock->lock);
  if (clock->count > 0 && clock->heap[0]->due < due) due = clock->heap[0]->due;
  pthread_mutex_unlock(&clock->lock);
  return due;
}

static struct timespec timespec_of(uint64_t ns) {
  return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

/* Sleep until the tick `due` begins, or somebody has something earlier; a second at most, because a
 * debugger, which cannot wake it, may have written a request.
 */
static void sleep_until(vlot__clock *clock, uint64_t due) {
  vlot_cluster *cluster = clock->cluster;
  uint64_t now = vlot__now(cluster);
  /* a turn may ask for a tick that is over by now */
  uint64_t ticks = due > now ? due - now : 0;
  uint64_t limit = UINT64_C(1000000000) / cluster->options.tick_ns + 1;
  struct timespec until =
      timespec_of(clock->anchor_ns + (ticks < limit ? ticks : limit) * cluster->options.tick_ns);
  pthread_mutex_lock(&clock->lock);
  while (!clock->must_stop && !clock->must_pause && !clock->is_poked)
    if (pthread_cond_timedwait(&clock->wake, &clock->lock, &until) == ETIMEDOUT) break;
  clock->is_poked = false;
  pthread_mutex_unlock(&clock->lock);
}

/* Time goes on by what has passed, but never by more than was planned: who oversleeps has been
 * stopped (P15). */
static void advance_clock(vlot__clock *clock, uint64_t planned) {
  vlot_cluster *cluster = clock->cluster;
  uint64_t now = vlot__now(cluster), real = vlot_clock_ns(), tick = cluster->options.tick_ns;
  uint64_t passed = (real - clock->anchor_ns) / tick;
  uint64_t most = planned != VLOT_NEVER && planned > now ? planned - now : 1;
  if (planned == VLOT_NEVER) most = passed;
  if (passed > most) {
    clock->anchor_ns = real;
    passed = most;
  } else {
    clock->anchor_ns += passed * tick;
  }
  if (passed > 0) atomic_store(&cluster->now, now + passed);
}

/* Is a debugger attached? Looked up at most every 100 ms. */
static bool is_traced(vlot__clock *clock) {
  uint64_t now = vlot_clock_ns();
  if (clock->traced_ns != 0 && now - clock->traced_ns < 100000000) return clock->is_traced;
  clock->traced_ns = now;
  clock->is_traced = false;
  char text[2048];
  int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  if (size <= 0) return false;
  text[size] = '\0';
  const char *line = strstr(text, "TracerPid:");
  clock->is_traced = line && strtol(line + strlen("TracerPid:"), NULL, 10) != 0;
  return clock->is_traced;
}

/* A node inside the same turn at two successive advances of the clock. Only one that was told of a
 * tick can be one. */
static vlot__slot *find_straggler(vlot_cluster *cluster) {
  vlot__slot *found = NULL;
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__slot *slot = &cluster->slots[k];
    vlot_actor_status status;
    if (!slot->is_tick_sent || atomic_load(&slot->due) != slot->tick_sent_due) continue;
    vlot_actor *actor = actor_of(slot);
    if (!actor) continue;
    vlot_actor_get_status(actor, &status);
    vlot_actor_release(actor);
    bool is_same = status.state == VLOT_ACTOR_RUNNING && status.turns == slot->seen_turns;
    slot->seen_turns = status.turns;
    if (is_same && !found) found = slot;
  }
  return found;
}

static bool must_wait_for(vlot__clock *clock, const vlot__slot *straggler) {
  vlot_clock_waits waits = clock->cluster->options.clock_waits;
  if (!straggler || waits == VLOT_CLOCK_WAITS_NEVER) return false;
  return waits == VLOT_CLOCK_WAITS_ALWAYS || is_traced(clock);
}

/* The clock stands still while it waits. The event is the cluster's: it goes without when a control
 * call is under way. */
static bool wait_for_straggler(vlot__clock *clock) {
  vlot_cluster *cluster = clock->cluster;
  const vlot__slot *straggler = find_straggler(cluster);
  bool must_wait = must_wait_for(clock, straggler);
  if (must_wait && !clock->waits_for_straggler) {
    if (vlot__control_try(cluster)) {
      vlot__emit_change(cluster, NULL, VLOT_EVENT_CLOCK_WAIT, VLOT_WHY_STRAGGLER, straggler->id, 0,
                        0, 0);
      vlot__control_end(cluster);
    }
    pthread_mutex_lock(&cluster->stats_lock);
    cluster->stats.clock_waits++;
    pthread_mutex_unlock(&cluster->stats_lock);
  }
  clock->waits_for_straggler = must_wait;
  return must_wait;
}

static void send_later_mail(vlot__clock *clock, uint64_t now) {
  vlot_cluster *cluster = clock->cluster;
  for (;;) {
    pthread_mutex_lock(&clock->lock);
    later *one = clock->count > 0 && clock->heap[0]->due <= now ? pop_later(clock) : NULL;
    pthread_mutex_unlock(&clock->lock);
    if (!one) return;
    vlot_piece piece = {.data = one->payload, .size = one->size};
    if (vlot__threads_post(cluster, NULL, NULL, one->to, one->kind, &piece, 1) != VLOT_OK) {
      vlot__mail_refused(cluster, one->kind, one->payload, VLOT_WHY_NODE_DOWN);
      vlot__mail_dispose(one->kind, one->payload);
    }
    vlot__alloc_free(cluster->allocator, one);
  }
}

static void look_after_nodes(vlot_cluster *cluster, uint64_t now) {
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__slot *slot = &cluster->slots[k];
    uint64_t due = atomic_load_explicit(&slot->due, memory_order_relaxed);
    if (slot->disk && vlot__disk_next_due(slot->disk) <= now) vlot__disk_advance(slot->disk, now);
    if (atomic_load(&slot->state) != VLOT_NODE_UP || due > now) continue;
    slot->tick_sent_due = due;
    slot->is_tick_sent = true;
    send_tick(slot);
  }
}

static bool pause_if_asked(vlot__clock *clock) {
  pthread_mutex_lock(&clock->lock);
  bool was_paused = clock->must_pause;
  clock->is_paused = was_paused;
  if (was_paused) pthread_cond_broadcast(&clock->wake);
  while (clock->must_pause && !clock->must_stop) pthread_cond_wait(&clock->wake, &clock->lock);
  clock->is_paused = false;
  bool must_stop = clock->must_stop;
  pthread_mutex_unlock(&clock->lock);
  if (was_paused) clock->anchor_ns = vlot_clock_ns();
  return must_stop;
}

static void *supervise(void *context) {
  vlot__clock *clock = context;
  vlot_cluster *cluster = clock->cluster;
  while (!pause_if_asked(clock)) {
    /* Nothing is planned while it looks: whoever has something due meanwhile pokes it, and is not
     * overlooked. */
    atomic_store(&clock->planned, VLOT_NEVER);
    uint64_t planned = next_due(clock);
    atomic_store(&clock->planned, planned);
    sleep_until(clock, planned);
    if (vlot__requests_wait(cluster)) (void)vlot__requests_obey(cluster, VLOT_NEVER);
    /* who has control tells it when giving that back */
    if (vlot__owes_violation(cluster) && vlot__control_try(cluster)) vlot__control_end(cluster);
    if (wait_for_straggler(clock)) {
      clock->anchor_ns = vlot_clock_ns();
      continue;
    }
    advance_clock(clock, planned);
    uint64_t now = vlot__now(cluster);
    send_later_mail(clock, now);
    look_after_nodes(cluster, now);
    if (vlot__lint_is_due(cluster)) vlot__lint_look(cluster);
    vlot__clients_wake(cluster, now);
    vlot__notify_changed(cluster);
  }
  return NULL;
}

static vlot_result start_supervisor(vlot_cluster *cluster) {
  vlot__clock *clock = vlot__alloc_zero(cluster->allocator, 1, sizeof *clock);
  pthread_condattr_t monotonic;
  sigset_t all, before;
  if (!clock) return VLOT_NOMEM;
  clock->cluster = cluster;
  clock->anchor_ns = vlot_clock_ns();
  atomic_init(&clock->planned, VLOT_NEVER);
  pthread_mutex_init(&clock->lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&clock->wake, &monotonic);
  pthread_condattr_destroy(&monotonic);
  cluster->clock = clock;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* the host's signals are the host's (P23) */
  int error = pthread_create(&clock->thread, NULL, supervise, clock);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error == 0) {
    pthread_setname_np(clock->thread, "vlot-clock");
    return VLOT_OK;
  }
  cluster->clock = NULL;
  pthread_mutex_destroy(&clock->lock);
  pthread_cond_destroy(&clock->wake);
  vlot__alloc_free(cluster->allocator, clock);
  return VLOT_BUSY;
}

static void stop_supervisor(vlot_cluster *cluster) {
  vlot__clock *clock = cluster->clock;
  if (!clock) return;
  pthread_mutex_lock(&clock->lock);
  clock->must_stop = true;
  pthread_mutex_unlock(&clock->lock);
  pthread_cond_broadcast(&clock->wake);
  pthread_join(clock->thread, NULL);
  cluster->clock = NULL;
  while (clock->count > 0) {
    later *one = pop_later(clock);
    vlot__mail_dispose(one->kind, one->payload);
    vlot__alloc_free(cluster->allocator, one);
  }
  vlot__alloc_free(cluster->allocator, clock->heap);
  vlot__alloc_free(cluster->allocator, clock->newest);
  pthread_mutex_destroy(&clock->lock);
  pthread_cond_destroy(&clock->wake);
  vlot__alloc_free(cluster->allocator, clock);
}

/* --- opening and closing --- */

static vlot_result open_actors(vlot_cluster *cluster) {
  vlot_actor_system_options options;
  if (cluster->actors) return VLOT_OK;
  vlot_actor_system_options_init(&options);
  options.allocator = cluster->allocator;
  options.log = cluster->options.log;
  options.context = cluster->options.log_context;
  options.place = cluster->options.place;
  options.core = cluster->options.core;
  options.stop_ns = cluster->options.stop_ns;
  options.seed = cluster->options.seed;
  /* a lost wake-up is survived all the same: the clock's ticks signal again */
  options.park_ns_max = VLOT_FOREVER;
  return vlot_actor_system_open(&options, &cluster->actors);
}

vlot_result vlot__threads_open(vlot_cluster *cluster) {
  vlot_result result = open_actors(cluster);
  if (result == VLOT_OK && cluster->options.driver == VLOT_DRIVER_THREADS)
    result = start_supervisor(cluster);
  return result;
}

vlot_result vlot__threads_close(vlot_cluster *cluster) {
  stop_supervisor(cluster);
  vlot_result result = cluster->actors ? vlot_actor_system_close(cluster->actors) : VLOT_OK;
  cluster->actors = NULL;
  return result;
}

/* --- own threads or inline, from one action to the next --- */

vlot_result vlot_lockstep_set_inline(vlot_cluster *cluster, bool is_inline) {
  if (!cluster->is_lockstep || cluster->is_paused || cluster->replay) return VLOT_UNSUPPORTED;
  if (vlot__is_node_thread(cluster)) return VLOT_DEADLOCK;
  if (cluster->lockstep.is_inline == is_inline) return VLOT_OK;
  vlot_result result = is_inline ? VLOT_OK : open_actors(cluster);
  for (uint32_t k = 0; k < cluster->nodes && result == VLOT_OK; k++) {
    vlot__slot *slot = &cluster->slots[k];
    if (!slot->node) continue;
    if (is_inline)
      vlot__threads_stop(slot, VLOT_WHY_ASKED, false);
    else
      result = vlot__threads_start(slot, true);
  }
  if (result == VLOT_OK) cluster->lockstep.is_inline = is_inline;
  return result;
}

/* --- pause --- */

static void pause_supervisor(vlot__clock *clock, bool must_pause) {
  pthread_mutex_lock(&clock->lock);
  clock->must_pause = must_pause;
  pthread_cond_broadcast(&clock->wake);
  while (must_pause && !clock->is_paused) pthread_cond_wait(&clock->wake, &clock->lock);
  pthread_mutex_unlock(&clock->lock);
}

static vlot_result hold_all(vlot_cluster *cluster) {
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__slot *slot = &cluster->slots[k];
    if (!slot->node || !slot->actor ||
        vlot_actor_hold(slot->actor, cluster->options.stop_ns) == VLOT_OK)
      continue;
    while (k-- > 0)
      if (cluster->slots[k].node && cluster->slots[k].actor)
        vlot_actor_unhold(cluster->slots[k].actor);
    return VLOT_TIMEOUT;
  }
  return VLOT_OK;
}

static void collect_all(vlot_cluster *cluster) {
  vlot__clock *clock = cluster->clock;
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__slot *slot = &cluster->slots[k];
    if (slot->disk && slot->node)
      while (vlot__disk_complete_one(slot->disk, NULL)) continue;
  }
  atomic_store(&cluster->driver_thread, (uintptr_t)pthread_self());
  cluster->is_lockstep = true;
  cluster->lockstep.is_inline = false;
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__slot *slot = &cluster->slots[k];
    if (!slot->node || !slot->actor) continue;
    slot->is_collected = true;
    /* it is held: while the cluster is paused only the slot's state says who is suspended */
    vlot_actor_resume(slot->actor);
    while (vlot_actor_run(slot->actor)) continue;
    slot->is_collected = false;
  }
  while (clock->count > 0) {
    later *one = pop_later(clock);
    const vlot__mail_message *message = (const void *)one->payload;
    uint32_t message_kind = one->kind == VLOT__MAIL_MESSAGE ? message->message.kind : 0;
    vlot_piece piece = {.data = one->payload, .size = one->size};
    if (vlot__lockstep_post(cluster, one->from, one->to, one->kind, message_kind, one->due, true,
                            &piece, 1) != VLOT_OK)
      vlot__mail_dispose(one->kind, one->payload);
    vlot__alloc_free(cluster->allocator, one);
  }
  for (uint32_t k = 0; k < cluster->nodes; k++) vlot__lockstep_slot_changed(&cluster->slots[k]);
}

vlot_result vlot_cluster_pause(vlot_cluster *cluster) {
  if (cluster->options.driver != VLOT_DRIVER_THREADS) return VLOT_UNSUPPORTED;
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) return result;
  if (!cluster->is_paused) {
    pause_supervisor(cluster->clock, true);
    result = hold_all(cluster);
    if (result == VLOT_OK) {
      collect_all(cluster);
      cluster->is_paused = true;
    } else {
      pause_supervisor(cluster->clock, false);
    }
  }
  vlot__control_end(cluster);
  return result;
}

vlot_result vlot_cluster_unpause(vlot_cluster *cluster) {
  if (cluster->options.driver != VLOT_DRIVER_THREADS) return VLOT_UNSUPPORTED;
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) return result;
  if (cluster->is_paused) {
    cluster->is_paused = false;
    cluster->is_lockstep = false;
    vlot__lockstep_hand_back(cluster);
    for (uint32_t k = 0; k < cluster->nodes; k++) {
      vlot__slot *slot = &cluster->slots[k];
      if (!slot->node || !slot->actor) continue;
      atomic_store(&slot->due, vlot__node_due(slot->node));
      slot->is_tick_sent = false;
      vlot__slot_publish(slot);
      if (atomic_load(&slot->state) == VLOT_NODE_SUSPENDED &&
          vlot_actor_suspend(slot->actor, cluster->options.stop_ns) != VLOT_OK)
        vlot__log(cluster, "n%u could not be suspended again", slot->id);
      vlot_actor_unhold(slot->actor);
    }
    pause_supervisor(cluster->clock, false);
  }
  vlot__control_end(cluster);
  return VLOT_OK;
}
