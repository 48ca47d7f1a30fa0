/* A client's mail on its way: whom to try, and whether whoever gets it is woken now. */
#include "cluster/assist.h"
#include "cluster/client_inside.h"
#include "cluster/door.h"
#include "cluster/driver.h"
#include "cluster/link.h"
#include "cluster/refuse.h"
#include "cluster/slow.h"

/* Whom to try, first to last: the contact alone, or the leader as far as known, then everybody who
 * is up. */
static vlot__seat *next_target(const vlot_client *client, uint32_t tried) {
  vlot_cluster *cluster = client->cluster;
  uint32_t contact = client->options.contact;
  if (contact) return tried == 0 ? vlot__seat_of(cluster, contact) : NULL;
  const struct vlot__seats *all = vlot__seats_of(cluster);
  uint32_t hint = atomic_load_explicit(&cluster->leader_hint, memory_order_relaxed);
  if (tried == 0) return hint ? vlot__seat_of(cluster, hint) : all->seats[0];
  return tried <= all->count ? all->seats[tried - 1] : NULL;
}

/* A client that waits lends its thread, and runs the turn of whom it has asked: then nobody need be
 * woken for that. But submit does not know that wait comes next. It does where one call does both;
 * otherwise the client has shown it: so many times in a row there was no more than a tick of the
 * coarse clock between the two. (Should it be otherwise now, the clock wakes the node.) */
enum { HABIT = 8, HABIT_MAX = 64 };

/* By its last wait: who fills a deep window again begins with few in flight. */
bool vlot__client_is_deep(const vlot_client *client) {
  return client->depth > VLOT__ASSIST_INFLIGHT;
}

static bool waits_soon(const vlot_client *client) {
  return client->cluster->may_assist && (client->is_asking || client->habit >= HABIT) &&
         !vlot__client_is_deep(client);
}

static void note_asked(vlot_client *client, const vlot__parcel *parcel) {
  if (!client->cluster->may_assist) return;
  client->asked = parcel->to;
  client->owes |= parcel->puts_off;
  if (client->sent_ns == 0) client->sent_ns = vlot__coarse_ns();
}

void vlot__client_note_wait(vlot_client *client) {
  if (client->sent_ns == 0) return;
  bool is_prompt = vlot__coarse_ns() == client->sent_ns;
  client->habit = is_prompt ? client->habit + (client->habit < HABIT_MAX) : client->habit / 2;
  client->sent_ns = 0;
  client->depth = vlot__client_inflight(client);
}

void vlot__client_pay(vlot_client *client) {
  client->habit = 0;
  if (!client->owes) return;
  client->owes = false;
  const vlot__driver *driver = vlot__driver_of(client->cluster);
  if (driver->remind) driver->remind(client->cluster, client->asked);
}

/* On any result but VLOT_OK what the mail refers to is still the caller's. */
static vlot_result try_contacts(vlot_client *client, uint32_t kind, void *payload, size_t size) {
  vlot_cluster *cluster = client->cluster;
  vlot_result result = VLOT_REJECTED;
  for (uint32_t tried = 0;; tried++) {
    vlot__seat *to = next_target(client, tried);
    if (!to) return result == VLOT_CLOSED ? VLOT_REJECTED : result;
    if (atomic_load(&to->state) == VLOT_NODE_DOWN) continue;
    vlot__parcel parcel = vlot__parcel_of(to->id, kind, payload, size);
    parcel.contact = vlot__contacts_get(&client->contacts, cluster->allocator, to->id);
    parcel.puts_off = waits_soon(client);
    result = vlot__route(cluster, &parcel);
    if (result == VLOT_OK) note_asked(client, &parcel);
    if (result != VLOT_CLOSED) return result;
  }
}

static vlot_result visit_contacts(vlot_client *client, uint32_t kind, void *payload, size_t size) {
  VLOT__VISIT_RESULT(client->cluster);
  return try_contacts(client, kind, payload, size);
}

/* Into a mailbox goes what uses nothing but what a shell keeps of its cluster, and a node that has
 * ended refuses it: so the hot path does not pass the door. Who steps a cluster that it has paused
 * puts mail on the pending list, which is behind it. In lockstep nobody closes meanwhile. */
vlot_result vlot__client_send(vlot_client *client, uint32_t kind, void *payload, size_t size) {
  vlot_cluster *cluster = client->cluster;
  bool is_paused =
      vlot__driver_of(cluster)->is_stepped && cluster->options.driver != VLOT_DRIVER_LOCKSTEP;
  if (is_paused) return visit_contacts(client, kind, payload, size);
  vlot_result result = try_contacts(client, kind, payload, size);
  if (result == VLOT_OK) return VLOT_OK;
  if (vlot__is_shut(cluster)) return vlot__refuse_closed();
  return vlot__refuse_post(result);
}
