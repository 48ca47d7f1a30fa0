/* A threads cluster that is paused: its mail moves to the pending list, and the thread that paused
 * it steps it as in lockstep. Other threads find it as it was, but that nothing moves: what they
 * send waits in the mailboxes until it goes on.
 */
#include "base/assert.h"
#include "base/problem.h"
#include "cluster/actors.h"
#include "cluster/clock.h"
#include "cluster/gate.h"
#include "cluster/lockstep.h"
#include "cluster/look.h"
#include "cluster/observe.h"
#include "cluster/pending.h"

/* --- the driver meanwhile --- */

static bool is_pauser(vlot_cluster *cluster) {
  return atomic_load(&cluster->pauser) == vlot__thread_number();
}

/* What the cluster is to this thread. */
static const vlot__driver *driver_here(vlot_cluster *cluster) {
  return is_pauser(cluster) ? &vlot__driver_lockstep : &vlot__driver_threads;
}

static vlot_result paused_close(vlot_cluster *cluster) {
  return vlot__driver_threads.close(cluster);
}

static void paused_remind(vlot_cluster *cluster, uint32_t asked) {
  const vlot__driver *driver = driver_here(cluster);
  if (driver->remind) driver->remind(cluster, asked);
}

/* A node's turn runs because the pauser lets it, on whatever thread. */
static vlot_result paused_post(vlot_cluster *cluster, const vlot__parcel *parcel) {
  return parcel->sender ? vlot__pending_offer(cluster, parcel)
                        : driver_here(cluster)->post(cluster, parcel);
}

static void paused_stored(vlot__seat *seat, vlot__mail_stored *mail) {
  driver_here(seat->cluster)->stored(seat, mail);
}

static size_t paused_queued(vlot__seat *seat) { return driver_here(seat->cluster)->queued(seat); }

static bool paused_has_traffic(vlot_cluster *cluster) {
  return driver_here(cluster)->has_traffic(cluster);
}

static vlot_result paused_await(vlot_cluster *cluster,
                                bool (*is_reached)(vlot_cluster *cluster, void *context),
                                void *context, uint64_t deadline) {
  return driver_here(cluster)->await(cluster, is_reached, context, deadline);
}

static void paused_wait(vlot_cluster *cluster, struct vlot__inbox *inbox, uint32_t asked,
                        uint64_t deadline) {
  driver_here(cluster)->wait_for_answer(cluster, inbox, asked, deadline);
}

/* Other threads look, and read answers. */
static void paused_publish(vlot__seat *seat) {
  vlot__seat_publish(seat);
  if (vlot__node_is_fenced(seat->node)) atomic_store(&seat->state, VLOT_NODE_FENCED);
}

/* While it is being paused: mail goes to the pending list, completions of writes and images to the
 * node. An image that a helper still writes stays there, and comes when the cluster goes on. */
static void collect(vlot__node *node, vlot_turn *turn) {
  vlot__seat *seat = vlot__node_seat(node);
  vlot_cluster *cluster = seat->cluster;
  const vlot_mail *mail;
  vlot__node_begin(node, NULL, false);
  while ((mail = vlot_turn_next(turn)) != NULL) {
    vlot__mail_head *head = (void *)(uintptr_t)vlot_mail_payload(mail);
    if (mail->kind == VLOT__MAIL_TICK || mail->kind >= VLOT_MAIL_RESERVED) continue;
    if (mail->kind == VLOT__MAIL_STORED || mail->kind == VLOT__MAIL_WRITTEN) {
      vlot__node_take(node, mail->kind, mail->stamp, head, mail->size);
      continue;
    }
    vlot__parcel parcel = vlot__parcel_of(seat->id, mail->kind, head, mail->size);
    parcel.message_kind = vlot__mail_message_kind(mail->kind, head);
    parcel.from = mail->kind == VLOT__MAIL_MESSAGE
                      ? ((const vlot__mail_message *)(const void *)head)->message.from
                      : (uint32_t)mail->sender.id;
    parcel.due = vlot__now(cluster);
    if (vlot__pending_post(cluster, &parcel) != VLOT_OK) vlot__mail_dispose(mail->kind, head);
  }
  vlot__node_end(node);
}

static void paused_turn(vlot_actor *self, vlot__node *node, vlot_turn *turn) {
  if (vlot__node_seat(node)->cluster->is_paused)
    vlot__lockstep_turn(self, node, turn);
  else
    collect(node, turn);
}

static const vlot__driver paused = {
    .is_stepped = true,
    .may_step = is_pauser,
    .close = paused_close,
    .start = vlot__lockstep_start,
    .stop = vlot__lockstep_stop,
    .suspend = vlot__lockstep_suspend,
    .resume = vlot__lockstep_resume,
    .hold = vlot__lockstep_hold,
    .unhold = vlot__lockstep_unhold,
    .changed = vlot__pending_seat_changed,
    .rate_changed = vlot__lockstep_rate_changed,
    .publish = paused_publish,
    .turn = paused_turn,
    .post = paused_post,
    .stored = paused_stored,
    .queued = paused_queued,
    .has_traffic = paused_has_traffic,
    .violated = vlot__emit_violation,
    .await = paused_await,
    .wait_for_answer = paused_wait,
    .remind = paused_remind,
};

/* --- pausing --- */

static vlot_result hold_all(vlot_cluster *cluster) {
  vlot__seat *seat, *held;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    if (!seat->node || !seat->actor ||
        vlot_actor_hold(seat->actor, cluster->options.stop_ns) == VLOT_OK)
      continue;
    VLOT__FOR_EACH_SEAT (held, cluster) {
      if (held == seat) break;
      if (held->node && held->actor) vlot_actor_unhold(held->actor);
    }
    return VLOT_TIMEOUT;
  }
  return VLOT_OK;
}

/* Slow mail too stands in the pending list, at the tick at which it would have arrived. */
static void collect_late(vlot_cluster *cluster) {
  for (vlot__item *one; (one = vlot__clock_take_late(cluster)) != NULL;) {
    vlot__parcel parcel = vlot__item_parcel(one);
    parcel.may_overtake = true;
    if (vlot__pending_post(cluster, &parcel) != VLOT_OK)
      vlot__mail_dispose(one->mail_kind, one->payload);
    vlot__alloc_free(cluster->allocator, one);
  }
}

static void collect_all(vlot_cluster *cluster) {
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    if (seat->disk && seat->node)
      while (vlot__disk_complete_one(seat->disk, NULL)) continue;
  }
  atomic_store(&cluster->pauser, vlot__thread_number());
  atomic_store(&cluster->driver, &paused);
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    if (!seat->node || !seat->actor) continue;
    /* it is held: while the cluster is paused only the seat's state says who is suspended */
    vlot_actor_resume(seat->actor);
    while (vlot_actor_run(seat->actor)) continue;
  }
  collect_late(cluster);
  cluster->lockstep.idle_action = cluster->action;
  cluster->lockstep.idle_from = vlot__now(cluster);
  VLOT__FOR_EACH_SEAT (seat, cluster) vlot__pending_seat_changed(seat);
}

/* --- going on --- */

static void hand_back(vlot_cluster *cluster, vlot__item *item, bool is_late) {
  vlot__parcel parcel = vlot__item_parcel(item);
  vlot_result result =
      is_late ? vlot__clock_post(cluster, &parcel) : vlot__actors_post(cluster, &parcel);
  if (result == VLOT_OK)
    vlot__pending_free(cluster, item);
  else
    vlot__pending_lose(cluster, item,
                       result == VLOT_BUSY ? VLOT_WHY_MAILBOX_FULL : VLOT_WHY_NODE_DOWN);
}

/* Timers and writes are the clock's again, and mail of suspended nodes waits in their
 * mailboxes, before what comes later; what is held stays here until it is released in a later
 * pause.
 */
static void hand_back_all(vlot_cluster *cluster) {
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot__ring *parked = &seat->parked_mail;
    vlot__pending_forget(seat);
    for (; parked->count > 0; vlot__ring_pop_front(parked))
      hand_back(cluster, *(vlot__item **)vlot__ring_at(parked, 0), false);
  }
  vlot__heap *heap = &cluster->lockstep.heap;
  while (heap->count > 0) {
    vlot__item *item = heap->items[0];
    vlot__heap_take_out(heap, item);
    hand_back(cluster, item, item->due > vlot__now(cluster));
  }
}

/* --- the calls --- */

static vlot_result refuse_lockstep(void) {
  return vlot__refuse(
      VLOT_UNSUPPORTED,
      "a lockstep cluster stands still between two calls: there is nothing to pause");
}

vlot_result vlot_cluster_pause(vlot_cluster *cluster) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  if (vlot__driver_of(cluster) == &vlot__driver_lockstep) return refuse_lockstep();
  if (vlot__clock_is_here(cluster))
    return vlot__refuse(
        VLOT_DEADLOCK,
        "this is the clock's thread (a log callback, a lint), which pausing would wait for");
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) return result;
  if (!cluster->is_paused) {
    vlot__clock_pause(cluster);
    result = hold_all(cluster);
    if (result == VLOT_OK) {
      collect_all(cluster);
      cluster->is_paused = true;
    } else {
      vlot__clock_go_on(cluster);
      if (result == VLOT_TIMEOUT)
        vlot__refuse(result,
                     "a node's user code did not end its turn within stop_ns; the cluster runs on");
    }
  }
  vlot__control_end(cluster);
  return result;
}

vlot_result vlot_cluster_unpause(vlot_cluster *cluster) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  if (vlot__driver_of(cluster) == &vlot__driver_lockstep) return refuse_lockstep();
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) return result;
  if (cluster->is_paused) {
    cluster->is_paused = false;
    atomic_store(&cluster->driver, &vlot__driver_threads);
    hand_back_all(cluster);
    vlot__seat *seat;
    VLOT__FOR_EACH_SEAT (seat, cluster) {
      if (!seat->node || !seat->actor) continue;
      atomic_store(&seat->due, vlot__node_due(seat->node));
      seat->is_tick_sent = false;
      vlot__seat_publish(seat);
      if (atomic_load(&seat->state) == VLOT_NODE_SUSPENDED &&
          vlot_actor_suspend(seat->actor, cluster->options.stop_ns) != VLOT_OK)
        vlot__log(cluster, VLOT_LOG_ERROR, "n%u could not be suspended again", seat->id);
      vlot_actor_unhold(seat->actor);
    }
    vlot__clock_go_on(cluster);
  }
  vlot__control_end(cluster);
  return VLOT_OK;
}
