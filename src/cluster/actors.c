#include "cluster/actors.h"

#include <stdio.h>

#include "base/lock.h"
#include "cluster/assist.h"
#include "cluster/host.h"
#include "cluster/image.h"
#include "cluster/inbox.h"

/* --- the system --- */

enum { LETTERS = 64 }; /* dead letters kept: counts tell enough, and an idle cluster is small */

vlot_result vlot__actors_open(vlot_cluster *cluster) {
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
  options.letters = LETTERS;
  /* a lost wake-up is survived all the same: the clock's ticks signal again */
  options.park_ns_max = VLOT_FOREVER;
  return vlot_actor_system_open(&options, &cluster->actors);
}

static void drop_actor(vlot__seat *seat) {
  vlot_cluster *cluster = seat->cluster;
  vlot__lock(&cluster->seats_lock);
  vlot_actor *before = seat->actor;
  seat->actor = NULL;
  vlot__unlock(&cluster->seats_lock);
  if (before) vlot__host_count_node(cluster->host, false);
  vlot_actor_release(before);
}

vlot_result vlot__actors_close(vlot_cluster *cluster) {
  vlot_result result = cluster->actors ? vlot_actor_system_close(cluster->actors) : VLOT_OK;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) drop_actor(seat); /* where an opening has failed */
  /* a thread that is left alone is a node's thread still, and says so by it */
  if (result != VLOT_TIMEOUT) cluster->actors = NULL;
  return result;
}

/* --- one actor --- */

static void take_turn(vlot_actor *self, void *context, vlot_turn *turn) {
  vlot_cluster *cluster = vlot__node_seat(context)->cluster;
  vlot__driver_of(cluster)->turn(self, context, turn);
}

static void dispose_mail(void *context, const vlot_mail *mail, vlot_why why) {
  vlot__seat *seat = vlot__node_seat(context);
  void *payload = (void *)(uintptr_t)vlot_mail_payload(mail);
  vlot__mail_refused(seat->cluster, mail->kind, payload, why);
  vlot__mail_dispose(mail->kind, payload);
}

/* The last call on the node's thread; late, when it was stuck in user code. */
static void leave(void *context) {
  vlot__node *node = context;
  if (vlot__node_leave(node)) vlot__node_free(node);
}

vlot_result vlot__actors_start(vlot__seat *seat, bool is_held) {
  vlot_cluster *cluster = seat->cluster;
  vlot_actor_options options;
  vlot_actor *actor;
  char name[16];
  vlot_actor_options_init(&options);
  snprintf(name, sizeof name, "vlot-n%u", seat->id);
  options.name = name;
  options.id = seat->id;
  options.behaviour = (vlot_behaviour){.turn = take_turn, .finish = leave, .dispose = dispose_mail};
  options.context = seat->node;
  options.spin_ns = cluster->options.spin_ns;
  options.is_held = is_held;
  options.keeps_turns = vlot__keeps_turns(seat);
  options.data_bytes_max = VLOT__MAILBOX_BYTES_MAX;
  vlot__node_share(seat->node);
  vlot_result result = vlot_actor_spawn(cluster->actors, &options, &actor);
  if (result == VLOT_BUSY) vlot__host_lacks_threads(cluster);
  if (result != VLOT_OK) return result;
  vlot__host_count_node(cluster->host, true);
  vlot__lock(&cluster->seats_lock);
  vlot_actor *before = seat->actor;
  seat->actor = actor;
  atomic_store(&seat->actor_incarnation, seat->incarnation);
  vlot__unlock(&cluster->seats_lock);
  vlot_actor_release(before);
  seat->is_tick_sent = false;
  return VLOT_OK;
}

vlot_result vlot__actors_stop(vlot__seat *seat, vlot_why why) {
  vlot_cluster *cluster = seat->cluster;
  if (!seat->actor || atomic_load(&seat->actor_incarnation) != seat->incarnation) return VLOT_OK;
  vlot_result result = vlot_actor_kill_wait(seat->actor, why, cluster->options.stop_ns);
  if (result == VLOT_TIMEOUT)
    vlot__log(
        cluster, VLOT_LOG_ERROR,
        "n%u is stuck in user code: its thread is quarantined and left alone; do not unload the "
        "code that it is inside (dlclose); vlot's own stays loaded until the process ends",
        seat->id);
  drop_actor(seat);
  return result;
}

vlot_actor *vlot__actors_find(vlot__seat *seat) {
  vlot__lock(&seat->cluster->seats_lock);
  vlot_actor *actor = vlot_actor_retain(seat->actor);
  vlot__unlock(&seat->cluster->seats_lock);
  return actor;
}

/* --- its mail --- */

/* Renew a remembered handle when the member has another incarnation by now. */
static void renew(vlot__seat *seat, vlot__contact *contact) {
  vlot_actor_release(contact->actor);
  vlot__lock(&seat->cluster->seats_lock);
  contact->actor = vlot_actor_retain(seat->actor);
  contact->incarnation = atomic_load(&seat->actor_incarnation);
  vlot__unlock(&seat->cluster->seats_lock);
}

static vlot__contact *contact_of(vlot_cluster *cluster, const vlot__parcel *parcel) {
  if (parcel->contact || !parcel->sender) return parcel->contact;
  return vlot__contacts_get(&parcel->sender->contacts, cluster->allocator, parcel->to);
}

vlot_result vlot__actors_post(vlot_cluster *cluster, const vlot__parcel *parcel) {
  vlot__seat *seat = vlot__seat_of(cluster, parcel->to);
  vlot__contact fresh = {0};
  vlot__contact *contact = contact_of(cluster, parcel);
  vlot__contact *used = contact ? contact : &fresh;
  vlot_result result = VLOT_CLOSED;
  if (!used->actor ||
      used->incarnation != atomic_load_explicit(&seat->actor_incarnation, memory_order_relaxed))
    renew(seat, used);
  if (used->actor)
    result = vlot_actor_send_pieces(parcel->sender ? parcel->sender->turn_actor : NULL, used->actor,
                                    VLOT_LANE_DATA, parcel->kind, vlot__now(cluster),
                                    parcel->pieces, parcel->count);
  if (!contact) vlot_actor_release(fresh.actor);
  return result;
}

void vlot__actors_stored(vlot__seat *seat, vlot__mail_stored *stored) {
  vlot_actor *actor = vlot__actors_find(seat);
  /* control capacity is reserved; an actor that is gone needs no answer */
  if (actor && vlot_actor_send(NULL, actor, VLOT_LANE_CONTROL, VLOT__MAIL_STORED,
                               vlot__now(seat->cluster), stored, sizeof *stored) == VLOT_NOMEM)
    vlot__log(seat->cluster, VLOT_LOG_ERROR,
              "n%u: out of memory, a completed write could not be told", seat->id);
  vlot_actor_release(actor);
}

bool vlot__actors_written(vlot__image *image) {
  vlot__seat *seat = image->seat;
  vlot_actor *actor = vlot__actors_find(seat);
  vlot__mail_written written = {.image = vlot__image_retain(image)};
  vlot_result result = VLOT_CLOSED;
  if (actor)
    result = vlot_actor_send(NULL, actor, VLOT_LANE_CONTROL, VLOT__MAIL_WRITTEN,
                             vlot__now(seat->cluster), &written, sizeof written);
  if (result != VLOT_OK) vlot__image_release(image);
  vlot_actor_release(actor);
  return result == VLOT_OK || result == VLOT_CLOSED;
}

void vlot__actors_tick(vlot__seat *seat) {
  vlot_actor *actor = vlot__actors_find(seat);
  if (actor && vlot_actor_send_latest(NULL, actor, VLOT__MAIL_TICK, vlot__now(seat->cluster), NULL,
                                      0) != VLOT_OK)
    seat->is_tick_sent = false; /* again at the next tick */
  vlot_actor_release(actor);
}

size_t vlot__actors_queued(vlot__seat *seat) {
  vlot_actor *actor = vlot__actors_find(seat);
  if (!actor) return seat->parked_mail.count;
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  vlot_actor_release(actor);
  return (size_t)status.queued; /* it lies in memory */
}
