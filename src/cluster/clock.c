/* A group's clock. The host's timekeeper looks at it when something is due, so that an idle cluster
 * costs next to nothing.
 *
 * It never catches up: however long the process or this thread stood still, time goes on by what
 * was planned, so a breakpoint cannot cause an election.
 */
#include "cluster/clock.h"

#include "base/describe.h"
#include "base/lock.h"
#include "cluster/actors.h"
#include "cluster/change.h"
#include "cluster/gate.h"
#include "cluster/inbox.h"
#include "cluster/lints.h"
#include "cluster/observe.h"
#include "cluster/stop.h"
#include "cluster/traced.h"
#include "vlot/actor_lend.h"

typedef struct vlot__clock {
  vlot_cluster *cluster;
  vlot__kept kept;
  _Atomic uint64_t planned; /* tick at which it looks next */
  pthread_mutex_t lock;
  vlot__heap late; /* mail that links delay; ties: the order in which it came */
  bool is_handing; /* one has left `late` and may not be in its mailbox yet */
  uint64_t numbers;
  /* the timekeeper's, and while it stands its group's */
  uint64_t anchor_ns; /* when the present tick began */
  bool is_fresh;      /* nothing was planned yet: time begins now */
  bool waits_for_straggler;
  uint64_t remind_ns; /* not before that it looks at what was put off */
} vlot__clock;

/* For a debugger: see base/describe.h. */
const vlot__described vlot_described_clock[] VLOT__DESCRIBED = {
    VLOT__VERSION,
    VLOT__STRUCT(clock, struct vlot__clock),
    VLOT__POINTER(clock.cluster, struct vlot__clock, cluster, cluster, struct vlot_cluster),
    VLOT__NUMBER(clock.planned, struct vlot__clock, planned),
    VLOT__POINTERS_AT(clock.late, struct vlot__clock, late.items, item, struct vlot__item,
                      late_count),
    VLOT__NUMBER(clock.late_count, struct vlot__clock, late.count),
    VLOT__END,
};

/* --- waking it --- */

/* Is it planning to look later than that? */
static bool must_wake(const vlot__clock *clock, uint64_t due) {
  return clock && due < atomic_load_explicit(&clock->planned, memory_order_seq_cst);
}

void vlot__clock_wake(vlot_cluster *cluster, uint64_t due) {
  vlot__clock *clock = cluster->clock;
  if (must_wake(clock, due)) vlot__timekeeper_poke(&cluster->host->timekeeper, &clock->kept);
}

/* --- wake-ups that were put off --- */

/* OWED: there may be one, and the clock comes by. WATCHED: there was, and it comes by once more, so
 * that who puts off the next one need not poke it. */
enum vlot__put_off { NONE_PUT_OFF, WATCHED, OWED };
enum { REMIND_NS = 1000000 };

/* Behind the door is the clock; a node of a cluster that closes is woken by that. */
static void poke_as_visitor(vlot_cluster *cluster) {
  __attribute__((cleanup(vlot__visit_end))) vlot__visit visit;
  if (vlot__visit_begin(&visit, cluster))
    vlot__timekeeper_poke(&cluster->host->timekeeper, &cluster->clock->kept);
}

void vlot__clock_owe(vlot_cluster *cluster) {
  if (atomic_load(&cluster->put_off) == OWED) return;
  if (atomic_exchange(&cluster->put_off, OWED) == NONE_PUT_OFF) poke_as_visitor(cluster);
}

static bool remind_all(vlot_cluster *cluster) {
  bool is_one_left = false;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot_actor *actor = vlot__actors_find(seat);
    if (actor && vlot_actor_remind(actor, true)) is_one_left = true;
    vlot_actor_release(actor);
  }
  return is_one_left;
}

/* Said to be looked at before it is: who puts one off meanwhile is not overlooked. */
static void remind(vlot__clock *clock) {
  _Atomic uint32_t *put_off = &clock->cluster->put_off;
  uint32_t watched = WATCHED;
  if (atomic_load(put_off) == NONE_PUT_OFF || vlot_clock_ns() < clock->remind_ns) return;
  clock->remind_ns = vlot_clock_ns() + REMIND_NS;
  if (atomic_compare_exchange_strong(put_off, &watched, NONE_PUT_OFF)) return;
  atomic_store(put_off, WATCHED);
  if (remind_all(clock->cluster)) atomic_store(put_off, OWED);
}

/* --- delayed mail --- */

uint64_t vlot__clock_arrival(vlot_cluster *cluster, uint32_t from, uint32_t to, uint64_t due) {
  vlot__clock *clock = cluster->clock;
  vlot__seat *sender = vlot__seat_of(cluster, from);
  vlot__lock(&clock->lock);
  vlot__arrival *newest = vlot__arrivals_get(&sender->slow, cluster->allocator, to);
  if (newest) { /* without memory it is as if the link reordered */
    if (due < newest->due) due = newest->due;
    newest->due = due;
  }
  if (due > atomic_load(&cluster->slow_until)) atomic_store(&cluster->slow_until, due);
  vlot__unlock(&clock->lock);
  return due;
}

vlot_result vlot__clock_post(vlot_cluster *cluster, const vlot__parcel *parcel) {
  vlot__clock *clock = cluster->clock;
  vlot__item *one = vlot__item_make(cluster->allocator, vlot__parcel_size(parcel));
  if (!one) return VLOT_NOMEM;
  vlot__item_fill(one, parcel);
  vlot__lock(&clock->lock);
  vlot_result result = clock->late.count >= VLOT__LATE_MAX ? VLOT_BUSY : VLOT_OK;
  if (result == VLOT_OK && !vlot__heap_reserve(&clock->late, cluster->allocator, 1))
    result = VLOT_NOMEM;
  if (result == VLOT_OK) {
    one->tie = clock->numbers++;
    vlot__heap_push(&clock->late, one);
  }
  vlot__unlock(&clock->lock);
  if (result != VLOT_OK) {
    vlot__alloc_free(cluster->allocator, one);
    return result;
  }
  vlot__clock_wake(cluster, parcel->due);
  return VLOT_OK;
}

static vlot__item *take_late(vlot__clock *clock, uint64_t limit) {
  vlot__lock(&clock->lock);
  vlot__item *first = clock->late.count > 0 ? clock->late.items[0] : NULL;
  bool is_due = first && first->due <= limit;
  if (is_due) vlot__heap_take_out(&clock->late, first);
  clock->is_handing = is_due; /* whoever takes one comes again until there is none */
  vlot__unlock(&clock->lock);
  return is_due ? first : NULL;
}

vlot__item *vlot__clock_take_late(vlot_cluster *cluster) {
  return take_late(cluster->clock, VLOT_NEVER);
}

bool vlot__clock_has_late(vlot_cluster *cluster) {
  vlot__clock *clock = cluster->clock;
  vlot__lock(&clock->lock);
  bool has_some = clock->late.count > 0 || clock->is_handing;
  vlot__unlock(&clock->lock);
  return has_some;
}

static void send_late_mail(vlot__clock *clock, uint64_t now) {
  vlot_cluster *cluster = clock->cluster;
  for (vlot__item *one; (one = take_late(clock, now)) != NULL;) {
    vlot__parcel parcel = vlot__item_parcel(one);
    if (vlot__actors_post(cluster, &parcel) != VLOT_OK) {
      vlot__mail_refused(cluster, one->mail_kind, one->payload, VLOT_WHY_NODE_DOWN);
      vlot__mail_dispose(one->mail_kind, one->payload);
    }
    vlot__alloc_free(cluster->allocator, one);
  }
}

/* --- planning --- */

/* When a node needs the clock: at its timer. If it was told of that timer and has not come round to
 * it yet, a little later, to be told again; it says itself when it has another timer.
 */
static uint64_t due_of(vlot__seat *seat, uint64_t now) {
  uint64_t due = VLOT_NEVER;
  if (atomic_load(&seat->state) == VLOT_NODE_UP) {
    due = atomic_load(&seat->due);
    if (due <= now && seat->is_tick_sent && seat->tick_sent_due == due)
      due = now + seat->cluster->options.raft.heartbeat_ticks;
  }
  if (seat->disk) {
    uint64_t write = vlot__disk_next_due(seat->disk);
    if (write < due) due = write;
  }
  return due;
}

static uint64_t next_due(vlot__clock *clock) {
  vlot_cluster *cluster = clock->cluster;
  uint64_t now = vlot__now(cluster);
  uint64_t due = vlot__clients_due(cluster);
  if (due <= now) due = now + 1; /* it has been woken, and has not come round to it */
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    uint64_t one = due_of(seat, now);
    if (one < due) due = one;
  }
  if ((atomic_load(&cluster->waiters) > 0 || vlot__requests_wait(cluster)) && now + 1 < due)
    due = now + 1;
  vlot__lock(&clock->lock);
  if (clock->late.count > 0 && clock->late.items[0]->due < due) due = clock->late.items[0]->due;
  vlot__unlock(&clock->lock);
  return due;
}

/* When the tick `due` begins; in a second at most, because a debugger, which cannot wake it, may
 * have written a request. */
static uint64_t ns_of(const vlot__clock *clock, uint64_t due) {
  vlot_cluster *cluster = clock->cluster;
  uint64_t now = vlot__now(cluster);
  /* a turn may ask for a tick that is over by now */
  uint64_t ticks = due > now ? due - now : 0;
  uint64_t limit = UINT64_C(1000000000) / cluster->options.tick_ns + 1;
  return clock->anchor_ns + (ticks < limit ? ticks : limit) * cluster->options.tick_ns;
}

/* Nothing is planned while it looks: whoever has something due meanwhile pokes it, and is not
 * overlooked. */
static uint64_t plan(vlot__clock *clock) {
  atomic_store(&clock->planned, VLOT_NEVER);
  uint64_t due = next_due(clock);
  atomic_store(&clock->planned, due);
  uint64_t ns = ns_of(clock, due);
  bool reminds = atomic_load(&clock->cluster->put_off) != NONE_PUT_OFF;
  return reminds && clock->remind_ns < ns ? clock->remind_ns : ns;
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

/* A node inside the same turn at two successive advances of the clock. Only one that was told of a
 * tick can be one. */
static vlot__seat *find_straggler(vlot_cluster *cluster) {
  vlot__seat *found = NULL, *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot_actor_status status;
    if (!seat->is_tick_sent || atomic_load(&seat->due) != seat->tick_sent_due) continue;
    vlot_actor *actor = vlot__actors_find(seat);
    if (!actor) continue;
    vlot_actor_get_status(actor, &status);
    vlot_actor_release(actor);
    bool is_same = status.state == VLOT_ACTOR_RUNNING && status.turns == seat->seen_turns;
    seat->seen_turns = status.turns;
    if (is_same && !found) found = seat;
  }
  return found;
}

static bool must_wait_for(vlot__clock *clock, const vlot__seat *straggler) {
  vlot_clock_waits waits = clock->cluster->options.clock_waits;
  if (!straggler || waits == VLOT_CLOCK_WAITS_NEVER) return false;
  return waits == VLOT_CLOCK_WAITS_ALWAYS || vlot__traced_is(&clock->cluster->host->traced);
}

/* The clock stands still while it waits. The event is the cluster's: it goes without when a control
 * call is under way. */
static bool wait_for_straggler(vlot__clock *clock) {
  vlot_cluster *cluster = clock->cluster;
  const vlot__seat *straggler = find_straggler(cluster);
  bool must_wait = must_wait_for(clock, straggler);
  if (must_wait && !clock->waits_for_straggler) {
    if (vlot__control_try(cluster)) {
      vlot__emit_change(cluster, NULL, VLOT_EVENT_CLOCK_WAIT, VLOT_WHY_STRAGGLER, straggler->id, 0,
                        0, 0);
      vlot__control_end(cluster);
    }
    vlot__lock(&cluster->stats_lock);
    cluster->stats.clock_waits++;
    vlot__unlock(&cluster->stats_lock);
  }
  clock->waits_for_straggler = must_wait;
  return must_wait;
}

static void look_after_nodes(vlot_cluster *cluster, uint64_t now) {
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    uint64_t due = atomic_load_explicit(&seat->due, memory_order_relaxed);
    if (seat->disk && vlot__disk_next_due(seat->disk) <= now) vlot__disk_advance(seat->disk, now);
    if (atomic_load(&seat->state) != VLOT_NODE_UP || due > now) continue;
    seat->tick_sent_due = due;
    seat->is_tick_sent = true;
    vlot__actors_tick(seat);
  }
}

/* Without control it looks at the next tick, then. */
static void look_for_lints(vlot_cluster *cluster) {
  if (!vlot__lint_is_due(cluster) || !vlot__control_try(cluster)) return;
  vlot__lint_look(cluster);
  vlot__control_end(cluster);
}

/* What has become due. */
static void serve(vlot__clock *clock) {
  vlot_cluster *cluster = clock->cluster;
  if (vlot__requests_wait(cluster)) (void)cluster->requests.obey(cluster, VLOT_NEVER);
  remind(clock);
  /* who has control tells it when giving that back */
  if (vlot__owes_violation(cluster) && vlot__control_try(cluster)) vlot__control_end(cluster);
  if (wait_for_straggler(clock)) {
    clock->anchor_ns = vlot_clock_ns();
    return;
  }
  advance_clock(clock, atomic_load_explicit(&clock->planned, memory_order_relaxed));
  uint64_t now = vlot__now(cluster);
  send_late_mail(clock, now);
  look_after_nodes(cluster, now);
  look_for_lints(cluster);
  vlot__clients_wake(cluster, now);
  vlot__notify_changed(cluster);
}

static uint64_t look_at_clock(void *context) {
  vlot__clock *clock = context;
  if (clock->is_fresh)
    clock->anchor_ns = vlot_clock_ns();
  else
    serve(clock);
  clock->is_fresh = false;
  return plan(clock);
}

vlot_result vlot__clock_start(vlot_cluster *cluster) {
  vlot__clock *clock = vlot__alloc_zero(cluster->allocator, 1, sizeof *clock);
  if (!clock) return VLOT_NOMEM;
  clock->cluster = cluster;
  clock->kept = (vlot__kept){.look = look_at_clock, .context = clock};
  clock->is_fresh = true;
  atomic_init(&clock->planned, VLOT_NEVER);
  pthread_mutex_init(&clock->lock, NULL);
  cluster->clock = clock;
  vlot_result result = vlot__timekeeper_add(&cluster->host->timekeeper, &clock->kept);
  if (result == VLOT_OK) return VLOT_OK;
  if (result == VLOT_BUSY) vlot__host_lacks_threads(cluster);
  cluster->clock = NULL;
  pthread_mutex_destroy(&clock->lock);
  vlot__alloc_free(cluster->allocator, clock);
  return result;
}

void vlot__clock_stop(vlot_cluster *cluster) {
  vlot__clock *clock = cluster->clock;
  if (!clock) return;
  vlot__timekeeper_remove(&cluster->host->timekeeper, &clock->kept);
  for (vlot__item *one; (one = vlot__clock_take_late(cluster)) != NULL;) {
    vlot__mail_dispose(one->mail_kind, one->payload);
    vlot__alloc_free(cluster->allocator, one);
  }
  cluster->clock = NULL;
  vlot__alloc_free(cluster->allocator, clock->late.items);
  pthread_mutex_destroy(&clock->lock);
  vlot__alloc_free(cluster->allocator, clock);
}

void vlot__clock_pause(vlot_cluster *cluster) {
  vlot__timekeeper_stand(&cluster->host->timekeeper, &cluster->clock->kept);
}

void vlot__clock_go_on(vlot_cluster *cluster) {
  cluster->clock->is_fresh = true;
  vlot__timekeeper_go_on(&cluster->host->timekeeper, &cluster->clock->kept);
}
