/* The threads driver: every node is an actor and runs when it has mail; the clock (clock.c) tells
 * it of time.
 */
#include "cluster/actors.h"
#include "cluster/assist.h"
#include "cluster/change.h"
#include "cluster/clock.h"
#include "cluster/control.h"
#include "cluster/door.h"
#include "cluster/helper.h"
#include "cluster/inbox.h"
#include "cluster/lints.h"
#include "cluster/look.h"
#include "vlot/actor_lend.h"

static bool threads_may_step(vlot_cluster *cluster) {
  (void)cluster;
  return false;
}

static vlot_result threads_open(vlot_cluster *cluster) {
  vlot_result result = vlot__actors_open(cluster);
  vlot__helper_enter(cluster->host->helper);
  cluster->has_helper = true;
  return result == VLOT_OK ? vlot__clock_start(cluster) : result;
}

static vlot_result threads_close(vlot_cluster *cluster) {
  vlot__clock_stop(cluster);
  vlot_result written = VLOT_OK;
  if (cluster->has_helper) /* else the opening has failed before */
    written = vlot__helper_leave(cluster->host->helper, cluster, cluster->options.stop_ns);
  if (written == VLOT_TIMEOUT)
    vlot__log(
        cluster, VLOT_LOG_ERROR,
        "an image of a machine is written by user code that does not come back: its thread is "
        "left alone; do not unload the code that it is inside (dlclose); vlot's own stays "
        "loaded until the process ends");
  vlot_result result = vlot__actors_close(cluster);
  return result == VLOT_OK ? written : result;
}

/* --- a node --- */

static vlot_result threads_start(vlot__seat *seat) { return vlot__actors_start(seat, false); }

static vlot_result threads_suspend(vlot__seat *seat) {
  return seat->actor ? vlot_actor_suspend(seat->actor, seat->cluster->options.stop_ns) : VLOT_OK;
}

static void threads_resume(vlot__seat *seat) {
  if (!seat->actor) return;
  vlot_actor_resume(seat->actor);
  vlot__clock_wake(seat->cluster, atomic_load(&seat->due));
}

static vlot_result threads_hold(vlot__seat *seat) {
  return seat->actor ? vlot_actor_hold(seat->actor, seat->cluster->options.stop_ns) : VLOT_OK;
}

static void threads_unhold(vlot__seat *seat) {
  if (seat->actor) vlot_actor_unhold(seat->actor);
}

static void threads_changed(vlot__seat *seat) {
  uint64_t timer = atomic_load(&seat->due);
  uint64_t write = seat->disk ? vlot__disk_next_due(seat->disk) : VLOT_NEVER;
  vlot__clock_wake(seat->cluster, timer < write ? timer : write);
}

/* Its next timer is due at another tick now, which it sees when it looks at its clock. */
static void threads_rate_changed(vlot__seat *seat) {
  if (atomic_load(&seat->state) == VLOT_NODE_UP) vlot__actors_tick(seat);
}

/* --- a turn --- */

static bool fence_enter(void *context) { return vlot_actor_enter(context); }
static void fence_leave(void *context) { vlot_actor_leave(context); }
static bool fence_is_closed(void *context) { return vlot_actor_is_fenced(context); }

/* A node that control stops meanwhile is down, and not fenced. */
static void threads_publish(vlot__seat *seat) {
  vlot_node_state up = VLOT_NODE_UP;
  vlot__seat_publish(seat);
  if (vlot__node_is_fenced(seat->node) &&
      atomic_compare_exchange_strong(&seat->state, &up, VLOT_NODE_FENCED))
    seat->owes_fenced = true;
  if (seat->owes_fenced) vlot_actor_keep_turns(seat->turn_actor);
}

/* At once in the log; and the lint of it, if it has one, soon: the clock may have nothing else to
 * wake for. */
static void say_fenced(vlot_cluster *cluster, vlot__seat *seat) {
  vlot__log_fenced(seat);
  vlot__lint_hurry(cluster);
  vlot__clock_wake(cluster, 0);
}

/* Without a thread for it, it is this one's. */
static void hand_over(vlot__seat *seat) {
  vlot__image *image = vlot__node_take_image(seat->node);
  if (!image || vlot__helper_take(seat->cluster->host->helper, image, vlot__actors_written)) return;
  vlot__image_write(image);
  (void)vlot__actors_written(image);
  vlot__image_release(image);
}

static void after_turn(vlot_cluster *cluster, vlot__seat *seat) {
  uint64_t due = vlot__node_due(seat->node);
  threads_publish(seat);
  if (due != atomic_load_explicit(&seat->due, memory_order_relaxed)) atomic_store(&seat->due, due);
  if (seat->owes_fenced) say_fenced(cluster, seat);
  seat->owes_fenced = false;
  if (vlot__node_has_image(seat->node)) hand_over(seat);
  vlot__clock_wake(cluster, due);
  vlot__notify_changed(cluster);
}

static void threads_turn(vlot_actor *self, vlot__node *node, vlot_turn *turn) {
  vlot__seat *seat = vlot__node_seat(node);
  vlot_cluster *cluster = seat->cluster;
  const vlot_mail *mail;
  vlot__turn_fence fence = {
      .enter = fence_enter, .leave = fence_leave, .is_closed = fence_is_closed, .context = self};
  seat->turn_actor = self;
  vlot__node_begin(node, &fence, vlot_turn_was_parked(turn));
  while ((mail = vlot_turn_next(turn)) != NULL)
    if (mail->kind < VLOT_MAIL_RESERVED)
      vlot__node_take(node, mail->kind, mail->stamp, (void *)(uintptr_t)vlot_mail_payload(mail),
                      mail->size);
  vlot__node_end(node);
  /* fenced meanwhile: the seat may belong to another incarnation by now */
  if (!vlot_actor_is_fenced(self)) after_turn(cluster, seat);
}

/* --- mail --- */

/* Whoever sends it waits next, and then runs the turn itself; should it not, the clock comes by. */
static vlot_result post_and_put_off(vlot_cluster *cluster, const vlot__parcel *parcel) {
  vlot_lend lend;
  vlot_lend_put_off_begin(&lend);
  vlot_result result = vlot__actors_post(cluster, parcel);
  if (vlot_lend_put_off_end(&lend)) vlot__clock_owe(cluster);
  return result;
}

/* What left earlier on the same link and is slow must not be overtaken, unless the link
 * reorders. */
static vlot_result threads_post(vlot_cluster *cluster, const vlot__parcel *parcel) {
  uint64_t now = vlot__now(cluster), due = parcel->due;
  if (parcel->from && !parcel->may_overtake &&
      (due > now || now < atomic_load_explicit(&cluster->slow_until, memory_order_relaxed)))
    due = vlot__clock_arrival(cluster, parcel->from, parcel->to, due);
  if (due <= now)
    return parcel->puts_off ? post_and_put_off(cluster, parcel)
                            : vlot__actors_post(cluster, parcel);
  vlot__parcel late = *parcel;
  late.due = due;
  return vlot__clock_post(cluster, &late);
}

/* What is in mailboxes shows in each node's status. */
static bool threads_has_traffic(vlot_cluster *cluster) { return vlot__clock_has_late(cluster); }

/* --- waiting --- */

static bool is_changed(vlot_cluster *cluster, void *context) {
  return vlot__change_count(cluster) != *(const uint64_t *)context;
}

/* Who waits says so before it looks, and the deadline is the clock's to announce: it wakes
 * every waiter at each tick it takes. */
static vlot_result threads_await(vlot_cluster *cluster,
                                 bool (*is_reached)(vlot_cluster *cluster, void *context),
                                 void *context, uint64_t deadline) {
  vlot_result result = VLOT_PENDING;
  atomic_fetch_add(&cluster->waiters, 1);
  while (result == VLOT_PENDING) {
    uint64_t seen = vlot__change_count(cluster);
    if (is_reached(cluster, context)) {
      result = VLOT_OK;
    } else if (vlot__is_shut(cluster)) {
      result = vlot__visit_refusal(cluster);
    } else if (vlot__now(cluster) >= deadline) {
      result = VLOT_TIMEOUT;
    } else {
      vlot__clock_wake(cluster, deadline);
      /* what the turns on this thread have changed is looked at before it sleeps */
      if (!vlot__assist(cluster, 0, is_changed, &seen)) vlot__change_wait(cluster, seen, deadline);
      /* it may be outside, and must use nothing behind the door */
      if (vlot__is_shut(cluster)) result = vlot__visit_refusal(cluster);
    }
  }
  atomic_fetch_sub(&cluster->waiters, 1);
  return result;
}

typedef struct waiting {
  vlot__inbox *inbox;
  uint64_t deadline;
} waiting;

static bool is_over(vlot_cluster *cluster, void *context) {
  const waiting *self = context;
  return vlot__inbox_has_some(self->inbox) || vlot__now(cluster) >= self->deadline ||
         vlot__inbox_is_interrupted(self->inbox) || vlot__is_shut(cluster);
}

static void threads_remind(vlot_cluster *cluster, uint32_t asked) {
  vlot__seat *seat = vlot__seat_of(cluster, asked);
  vlot_actor *actor = seat ? vlot__actors_find(seat) : NULL;
  if (actor) (void)vlot_actor_remind(actor, false);
  vlot_actor_release(actor);
}

/* The deadline is the clock's to announce; it is asked to only if it would look too late by
 * itself. */
static void threads_wait(vlot_cluster *cluster, vlot__inbox *inbox, uint32_t asked,
                         uint64_t deadline) {
  waiting self = {.inbox = inbox, .deadline = deadline};
  if (asked && vlot__assist(cluster, asked, is_over, &self)) return;
  if (asked) threads_remind(cluster, asked);
  vlot__inbox_announce(inbox, deadline);
  vlot__clock_wake(cluster, deadline);
  vlot__inbox_wait(inbox, deadline);
}

static void threads_violated(vlot_cluster *cluster) { vlot__clock_wake(cluster, 0); }

const vlot__driver vlot__driver_threads = {
    .may_step = threads_may_step,
    .open = threads_open,
    .close = threads_close,
    .start = threads_start,
    .stop = vlot__actors_stop,
    .suspend = threads_suspend,
    .resume = threads_resume,
    .hold = threads_hold,
    .unhold = threads_unhold,
    .changed = threads_changed,
    .rate_changed = threads_rate_changed,
    .publish = threads_publish,
    .turn = threads_turn,
    .post = threads_post,
    .stored = vlot__actors_stored,
    .queued = vlot__actors_queued,
    .has_traffic = threads_has_traffic,
    .violated = threads_violated,
    .await = threads_await,
    .wait_for_answer = threads_wait,
    .remind = threads_remind,
};
