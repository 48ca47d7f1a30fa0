/* The lockstep driver: virtual time, a list of everything that can happen, and one thing at a time.
 * The next one is the earliest; among those due at the same tick the seed decides, but mail of one
 * sender to one receiver keeps its order unless a fault says otherwise. A node's turn runs inline,
 * on the caller's thread, or is granted to its own thread: the run is the same.
 */
#include "cluster/lockstep.h"

#include "base/lock.h"
#include "cluster/actors.h"
#include "cluster/control.h"
#include "cluster/gate.h"
#include "cluster/image.h"
#include "cluster/lints.h"
#include "cluster/look.h"
#include "cluster/observe.h"
#include "cluster/pending.h"
#include "cluster/recorder.h"
#include "cluster/stop.h"

/* --- carrying one thing out --- */

typedef struct taken_mail {
  uint32_t kind;
  uint32_t size;
  uint64_t stamp;
  void *payload;
} taken_mail;

static void run_inline(vlot__seat *seat, const taken_mail *mails, uint32_t count) {
  vlot__frame frame;
  vlot__inside_push(&frame, vlot__line_place(seat->cluster), NULL);
  vlot__node_begin(seat->node, NULL, !seat->was_suspended);
  for (uint32_t k = 0; k < count; k++)
    vlot__node_take(seat->node, mails[k].kind, mails[k].stamp, mails[k].payload, mails[k].size);
  vlot__node_end(seat->node);
  vlot__inside_pop(&frame);
}

/* A turn of the same mail, on the node's own thread. */
static void run_granted(vlot__seat *seat, const taken_mail *mails, uint32_t count) {
  uint32_t sent = 0;
  for (uint32_t k = 0; k < count; k++) {
    bool is_control = mails[k].kind == VLOT__MAIL_STORED || mails[k].kind == VLOT__MAIL_WRITTEN;
    vlot_lane lane = is_control ? VLOT_LANE_CONTROL : VLOT_LANE_DATA;
    if (vlot_actor_send(NULL, seat->actor, lane, mails[k].kind, mails[k].stamp, mails[k].payload,
                        mails[k].size) == VLOT_OK)
      sent++;
    else
      vlot__mail_dispose(mails[k].kind, mails[k].payload);
  }
  if (sent > 0 && vlot_actor_grant(seat->actor) != VLOT_OK)
    vlot__log(seat->cluster, VLOT_LOG_ERROR, "n%u could not be given its turn", seat->id);
}

static void run_seat_turn(vlot__seat *seat, const taken_mail *mails, uint32_t count) {
  vlot_cluster *cluster = seat->cluster;
  if (cluster->lockstep.is_inline)
    run_inline(seat, mails, count);
  else
    run_granted(seat, mails, count);
  seat->was_suspended = false;
  if (vlot__node_is_fenced(seat->node)) {
    atomic_store(&seat->state, VLOT_NODE_FENCED);
    vlot__log_fenced(seat);
    vlot__pending_forget(seat);
    vlot__pending_publish_due(seat);
  } else {
    vlot__pending_seat_changed(seat);
  }
  if (cluster->is_paused) vlot__seat_publish(seat); /* other threads look */
}

/* Time goes on to where the item stands; to a thing that is fired early, or was put off, it does
 * not go back. */
static void begin_action(vlot_cluster *cluster, const vlot__item *item) {
  uint64_t now = vlot__now(cluster);
  cluster->action++;
  if (item->due < now) return;
  if (item->due > now) {
    atomic_store_explicit(&cluster->now, item->due, memory_order_relaxed);
    cluster->lockstep.now_tie = 0;
  }
  if (item->tie > cluster->lockstep.now_tie) cluster->lockstep.now_tie = item->tie;
}

/* Deliveries to the same node that come next and are due: a turn takes what is queued, and the seed
 * says how much that is. */
static uint32_t gather_turn(vlot_cluster *cluster, vlot__item **items, uint32_t max) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  uint32_t count = 1, wanted = 0;
  while (count < max) {
    vlot__item *next = vlot__pending_earliest(cluster);
    if (!next || !next->mail_kind || next->node != items[0]->node || next->due > vlot__now(cluster))
      break;
    if (wanted == 0) wanted = 1 + (uint32_t)vlot__prng_below(&lockstep->schedule, max);
    if (count >= wanted) break;
    vlot__heap_take_out(&lockstep->heap, next);
    items[count++] = next;
    cluster->action++;
  }
  return count;
}

enum { GROUP_MAX = 64 };

static void deliver(vlot_cluster *cluster, vlot__item *first, uint32_t turn_max) {
  vlot__seat *seat = vlot__seat_of(cluster, first->node);
  vlot__item *items[GROUP_MAX];
  taken_mail mails[GROUP_MAX];
  vlot_node_state state = atomic_load(&seat->state);
  if (state == VLOT_NODE_SUSPENDED) {
    vlot__pending_park(seat, first);
    return;
  }
  if (state != VLOT_NODE_UP) {
    vlot__pending_lose(cluster, first, VLOT_WHY_NODE_DOWN);
    return;
  }
  items[0] = first;
  uint32_t count = turn_max > 1 ? gather_turn(cluster, items, turn_max) : 1;
  for (uint32_t k = 0; k < count; k++)
    mails[k] = (taken_mail){.kind = items[k]->mail_kind,
                            .size = items[k]->size,
                            .stamp = vlot__now(cluster),
                            .payload = items[k]->payload};
  run_seat_turn(seat, mails, count);
  /* what they referred to is the node's now */
  for (uint32_t k = 0; k < count; k++) vlot__pending_free(cluster, items[k]);
}

/* The timer's item leaves the list; the node's next timer makes another one. */
static void fire_timer(vlot_cluster *cluster, vlot__item *item, bool is_early) {
  vlot__seat *seat = vlot__seat_of(cluster, item->node);
  seat->timer = NULL;
  vlot__pending_free(cluster, item);
  if (!vlot__pending_runs(seat)) return;
  /* before its time: first what has passed, then, for this node alone, what is left until it
   * fires */
  taken_mail ticks[2] = {{.kind = VLOT__MAIL_TICK, .stamp = vlot__now(cluster)},
                         {.kind = VLOT__MAIL_TICK, .stamp = VLOT__STAMP_FIRE}};
  run_seat_turn(seat, ticks, is_early ? 2 : 1);
}

static void complete_write(vlot_cluster *cluster, vlot__item *item) {
  vlot__seat *seat = vlot__seat_of(cluster, item->node);
  seat->write = NULL;
  vlot__pending_free(cluster, item);
  vlot__disk_complete_one(seat->disk, NULL);
  vlot__pending_seat_changed(seat);
}

/* Its bytes are written here, and not on a thread of their own; then its node has a turn. */
static void write_image(vlot_cluster *cluster, vlot__item *item) {
  vlot__seat *seat = vlot__seat_of(cluster, item->node);
  seat->image = NULL;
  vlot__pending_free(cluster, item);
  vlot__image *image = vlot__pending_runs(seat) ? vlot__node_take_image(seat->node) : NULL;
  if (!image) return;
  vlot__image_write(image);
  vlot__mail_written written = {.image = image};
  taken_mail one = {.kind = VLOT__MAIL_WRITTEN, .size = sizeof written, .payload = &written};
  run_seat_turn(seat, &one, 1);
}

void vlot__lockstep_carry_out(vlot_cluster *cluster, vlot__item *item, uint32_t turn_max,
                              bool is_early) {
  switch ((vlot_pending_kind)item->kind) {
  case VLOT_PENDING_TIMER: fire_timer(cluster, item, is_early); return;
  case VLOT_PENDING_WRITE: complete_write(cluster, item); return;
  case VLOT_PENDING_IMAGE: write_image(cluster, item); return;
  case VLOT_PENDING_MESSAGE:
  case VLOT_PENDING_CLIENT: deliver(cluster, item, turn_max); return;
  }
}

/* --- the next thing --- */

/* What a debugger asks is an action, unless nothing comes of it. */
bool vlot__lockstep_obey_one(vlot_cluster *cluster) {
  uint64_t before = cluster->action;
  if (!vlot__requests_wait(cluster) || !cluster->requests.obey(cluster, 1)) return false;
  if (cluster->action != before) vlot__requests_ended(cluster);
  return true;
}

/* Nothing is due up to this tick, and time goes on to it. */
static void pass_time(vlot_cluster *cluster, uint64_t tick) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  uint64_t now = vlot__now(cluster);
  if (tick == VLOT_NEVER || tick <= now) return;
  if (lockstep->idle_action != cluster->action) {
    lockstep->idle_action = cluster->action;
    lockstep->idle_from = now;
  }
  atomic_store_explicit(&cluster->now, tick, memory_order_relaxed);
  lockstep->now_tie = 0;
}

/* Whatever comes next, if it is due by this tick; else time goes on to it. */
static bool run_due(vlot_cluster *cluster, uint64_t limit) {
  const vlot__recorder *recorder = cluster->recorder;
  if (recorder && recorder->run_one) {
    bool has_acted = recorder->run_one(cluster, limit);
    if (has_acted) vlot__teller_ended(cluster);
    if (!has_acted) pass_time(cluster, limit);
    return has_acted;
  }
  vlot__item *item = vlot__pending_earliest(cluster);
  if (!item || item->due > limit) {
    pass_time(cluster, limit);
    return false;
  }
  vlot__heap_take_out(&cluster->lockstep.heap, item);
  begin_action(cluster, item);
  if (vlot__lint_is_due(cluster)) vlot__lint_look(cluster);
  vlot__lockstep_carry_out(cluster, item, cluster->options.turn_max, false);
  vlot__requests_ended(cluster);
  vlot__teller_ended(cluster);
  return true;
}

static bool run_one(vlot_cluster *cluster, uint64_t limit) {
  if (vlot__lockstep_obey_one(cluster)) return true;
  /* a node whose timer could not be listed may never have a turn again */
  if (cluster->lockstep.is_short) vlot__pending_list_again(cluster);
  for (uint64_t stop; (stop = vlot__requests_tick(cluster)) != VLOT_NEVER && stop <= limit;) {
    if (run_due(cluster, stop)) return true;
    vlot__requests_stand(cluster);
    if (vlot__lockstep_obey_one(cluster)) return true;
  }
  return run_due(cluster, limit);
}

/* --- with other groups on the same host --- */

/* What could not be listed is tried again at the host's next tick. */
static uint64_t next_due(vlot_cluster *cluster) {
  const vlot__lockstep *lockstep = &cluster->lockstep;
  const vlot__item *item = vlot__pending_earliest(cluster);
  uint64_t due = item ? item->due : VLOT_NEVER;
  uint64_t again = lockstep->is_short ? cluster->host->tick - lockstep->base + 1 : VLOT_NEVER;
  return again < due ? again : due;
}

/* Whose action is the host's next. What it was told may have moved later since. */
static vlot_cluster *next_of(const vlot_host *host) {
  vlot_cluster *first;
  do first = vlot__line_first(host);
  while (first && !vlot__line_set(first, next_due(first)));
  return first;
}

/* One action of the host, none of it later than the limit, which is a tick of the group that asks;
 * false: nothing is due by then, and time stands there. */
static bool run_first(vlot_cluster *asks, uint64_t limit) {
  vlot_host *host = asks->host;
  vlot_cluster *next = next_of(host);
  uint64_t last = vlot__line_tick(asks, limit);
  uint64_t due = next ? next->lockstep.in_line->due : VLOT_NEVER;
  if (!next || due > last) next = asks;
  vlot__line_pass(host, due < last ? due : last);
  uint64_t before = next->action;
  bool has_acted = run_one(next, next == asks ? limit : VLOT_NEVER);
  host->actions += next->action - before;
  (void)vlot__line_set(next, next_due(next));
  return has_acted;
}

/* The same, up to where a debugger of the group that asks wants time to stand first. Out of the way
 * of who steps alone. */
__attribute__((noinline)) static bool run_host(vlot_cluster *asks, uint64_t limit) {
  uint64_t stop;
  do {
    if (vlot__lockstep_obey_one(asks)) return true;
    stop = vlot__requests_tick(asks);
    if (run_first(asks, stop < limit ? stop : limit)) return true;
  } while (stop < limit);
  return false;
}

bool vlot__lockstep_run_one(vlot_cluster *cluster, uint64_t limit) {
  return cluster->lockstep.in_line ? run_host(cluster, limit) : run_one(cluster, limit);
}

/* --- the driver's table --- */

static bool lockstep_may_step(vlot_cluster *cluster) {
  (void)cluster;
  return true;
}

static vlot_result lockstep_open(vlot_cluster *cluster) {
  vlot_result result = vlot__line_enter(cluster);
  if (result != VLOT_OK || cluster->lockstep.is_inline) return result;
  return vlot__actors_open(cluster);
}

static vlot_result lockstep_close(vlot_cluster *cluster) {
  vlot__line_leave(cluster);
  return vlot__actors_close(cluster);
}

vlot_result vlot__lockstep_start(vlot__seat *seat) {
  return seat->cluster->lockstep.is_inline ? VLOT_OK : vlot__actors_start(seat, true);
}

vlot_result vlot__lockstep_stop(vlot__seat *seat, vlot_why why) {
  vlot_result result = vlot__actors_stop(seat, why);
  vlot__pending_forget(seat);
  return result;
}

vlot_result vlot__lockstep_suspend(vlot__seat *seat) {
  vlot__pending_forget(seat);
  return VLOT_OK;
}

void vlot__lockstep_resume(vlot__seat *seat) {
  if (seat->disk && vlot__disk_pending(seat->disk, NULL, 0) > 0) seat->has_pending_writes = true;
  vlot__pending_unpark(seat);
}

/* Turns run when somebody steps, and whoever looks is the one who does. */
vlot_result vlot__lockstep_hold(vlot__seat *seat) {
  (void)seat;
  return VLOT_OK;
}

void vlot__lockstep_unhold(vlot__seat *seat) { (void)seat; }

void vlot__lockstep_rate_changed(vlot__seat *seat) {
  if (seat->node) {
    uint32_t permille = atomic_load(&seat->clock_permille);
    VLOT__RECORD(seat->cluster, clock, seat, permille);
    vlot__node_clock_changed(seat->node);
  }
  vlot__pending_seat_changed(seat);
}

/* Granted: what is in the mailbox was put there for this turn. */
void vlot__lockstep_turn(vlot_actor *self, vlot__node *node, vlot_turn *turn) {
  const vlot__seat *seat = vlot__node_seat(node);
  const vlot_mail *mail;
  vlot__frame frame;
  (void)self;
  vlot__inside_push(&frame, vlot__line_place(seat->cluster), NULL);
  vlot__node_begin(node, NULL, !seat->was_suspended);
  while ((mail = vlot_turn_next(turn)) != NULL)
    if (mail->kind < VLOT_MAIL_RESERVED)
      vlot__node_take(node, mail->kind, mail->stamp, (void *)(uintptr_t)vlot_mail_payload(mail),
                      mail->size);
  vlot__node_end(node);
  vlot__inside_pop(&frame);
}

/* A completion is a turn of its own; it comes from the disk while the write's action is carried
 * out. */
static void lockstep_stored(vlot__seat *seat, vlot__mail_stored *mail) {
  if (!vlot__pending_runs(seat)) return;
  taken_mail one = {.kind = VLOT__MAIL_STORED, .size = sizeof *mail, .payload = mail};
  run_seat_turn(seat, &one, 1);
}

static size_t lockstep_queued(vlot__seat *seat) { return seat->parked_mail.count; }

static bool lockstep_has_traffic(vlot_cluster *cluster) {
  return vlot__pending_has_traffic(cluster);
}

/* Whoever waits runs turns, and in them user code: were he cancelled there, half a turn would be
 * left. Who steps has control, and cancellation off with it. */
static void run_whole(vlot_cluster *cluster, uint64_t limit) {
  int cancel_state = vlot__cancel_off();
  vlot__lockstep_run_one(cluster, limit);
  vlot__cancel_restore(cancel_state);
}

static vlot_result lockstep_await(vlot_cluster *cluster,
                                  bool (*is_reached)(vlot_cluster *cluster, void *context),
                                  void *context, uint64_t deadline) {
  for (;;) {
    if (is_reached(cluster, context)) return VLOT_OK;
    if (vlot__is_shut(cluster))
      return vlot__visit_refusal(cluster); /* paused, and another thread closes it */
    if (vlot__now(cluster) >= deadline) return VLOT_TIMEOUT;
    run_whole(cluster, deadline);
  }
}

static void lockstep_wait(vlot_cluster *cluster, struct vlot__inbox *inbox, uint32_t asked,
                          uint64_t deadline) {
  (void)inbox, (void)asked;
  run_whole(cluster, deadline);
}

const vlot__driver vlot__driver_lockstep = {
    .is_stepped = true,
    .may_step = lockstep_may_step,
    .open = lockstep_open,
    .close = lockstep_close,
    .start = vlot__lockstep_start,
    .stop = vlot__lockstep_stop,
    .suspend = vlot__lockstep_suspend,
    .resume = vlot__lockstep_resume,
    .hold = vlot__lockstep_hold,
    .unhold = vlot__lockstep_unhold,
    .changed = vlot__pending_seat_changed,
    .rate_changed = vlot__lockstep_rate_changed,
    .turn = vlot__lockstep_turn,
    .post = vlot__pending_offer,
    .stored = lockstep_stored,
    .queued = lockstep_queued,
    .has_traffic = lockstep_has_traffic,
    .violated = vlot__emit_violation,
    .await = lockstep_await,
    .wait_for_answer = lockstep_wait,
};
