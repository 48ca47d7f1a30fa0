#include "cluster/actors.h"

#include <stdio.h>

#include "cluster/inbox.h"

/* --- the system --- */

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
  /* a lost wake-up is survived all the same: the clock's ticks signal again */
  options.park_ns_max = VLOT_FOREVER;
  return vlot_actor_system_open(&options, &cluster->actors);
}

vlot_result vlot__actors_close(vlot_cluster *cluster) {
  vlot_result result = cluster->actors ? vlot_actor_system_close(cluster->actors) : VLOT_OK;
  cluster->actors = NULL;
  return result;
}

bool vlot__actors_is_in_turn(vlot_cluster *cluster) {
  return pthread_getspecific(cluster->in_turn) != NULL;
}

/* --- one actor --- */

static void take_turn(vlot_actor *self, void *context, vlot_turn *turn) {
  vlot_cluster *cluster = vlot__node_slot(context)->cluster;
  vlot__driver_of(cluster)->turn(self, context, turn);
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

vlot_result vlot__actors_start(vlot__slot *slot, bool is_held) {
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

vlot_result vlot__actors_stop(vlot__slot *slot, vlot_why why) {
  vlot_cluster *cluster = slot->cluster;
  if (!slot->actor || atomic_load(&slot->actor_incarnation) != slot->incarnation) return VLOT_OK;
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

vlot_actor *vlot__actors_find(vlot__slot *slot) {
  pthread_mutex_lock(&slot->cluster->slots_lock);
  vlot_actor *actor = vlot_actor_retain(slot->actor);
  pthread_mutex_unlock(&slot->cluster->slots_lock);
  return actor;
}

/* --- its mail --- */

/* Renew a remembered handle when the member has another incarnation by now. */
static void renew(vlot__slot *slot, vlot__contact *contact) {
  vlot_actor_release(contact->actor);
  pthread_mutex_lock(&slot->cluster->slots_lock);
  contact->actor = vlot_actor_retain(slot->actor);
  contact->incarnation = atomic_load(&slot->actor_incarnation);
  pthread_mutex_unlock(&slot->cluster->slots_lock);
}

static vlot__contact *contact_of(const vlot__parcel *parcel) {
  if (parcel->contact || !parcel->sender) return parcel->contact;
  return parcel->sender->contacts ? &parcel->sender->contacts[parcel->to - 1] : NULL;
}

vlot_result vlot__actors_post(vlot_cluster *cluster, const vlot__parcel *parcel) {
  vlot__slot *slot = vlot__slot_of(cluster, parcel->to);
  vlot__contact fresh = {0};
  vlot__contact *contact = contact_of(parcel);
  vlot__contact *used = contact ? contact : &fresh;
  vlot_result result = VLOT_CLOSED;
  if (!used->actor ||
      used->incarnation != atomic_load_explicit(&slot->actor_incarnation, memory_order_relaxed))
    renew(slot, used);
  if (used->actor)
    result = vlot_actor_send_pieces(parcel->sender ? parcel->sender->turn_actor : NULL, used->actor,
                                    VLOT_LANE_DATA, parcel->kind, vlot__now(cluster),
                                    parcel->pieces, parcel->count);
  if (!contact) vlot_actor_release(fresh.actor);
  return result;
}

void vlot__actors_stored(vlot__slot *slot, vlot__mail_stored *stored) {
  vlot_actor *actor = vlot__actors_find(slot);
  /* control capacity is reserved; an actor that is gone needs no answer */
  if (actor && vlot_actor_send(NULL, actor, VLOT_LANE_CONTROL, VLOT__MAIL_STORED,
                               vlot__now(slot->cluster), stored, sizeof *stored) == VLOT_NOMEM)
    vlot__log(slot->cluster, "n%u: out of memory, a completed write could not be told", slot->id);
  vlot_actor_release(actor);
}

void vlot__actors_tick(vlot__slot *slot) {
  vlot_actor *actor = vlot__actors_find(slot);
  if (actor && vlot_actor_send_latest(NULL, actor, VLOT__MAIL_TICK, vlot__now(slot->cluster), NULL,
                                      0) != VLOT_OK)
    slot->is_tick_sent = false; /* again at the next tick */
  vlot_actor_release(actor);
}

size_t vlot__actors_queued(vlot__slot *slot) {
  vlot_actor *actor = vlot__actors_find(slot);
  if (!actor) return slot->parked_mail.count;
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  vlot_actor_release(actor);
  return status.queued;
}
