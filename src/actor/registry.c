/* Which actor an id means now, and the actors in the order of their start. */
#include <inttypes.h>
#include <stdio.h>

#include "actor/actor.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/problem.h"

#define FIRST_ASSIGNED_ID (UINT32_C(1) << 31)

/* Under the lock: where an id is, or belongs. */
static size_t position(const vlot_actor_system *system, uint32_t id) {
  size_t low = 0, high = system->entry_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (system->entries[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static vlot__entry *find_entry(vlot_actor_system *system, uint32_t id) {
  size_t at = position(system, id);
  bool is_there = at < system->entry_count && system->entries[at].id == id;
  return is_there ? &system->entries[at] : NULL;
}

/* Room for one more entry is fetched without the lock, so another thread may have used it up
 * meanwhile: try again.
 */
static bool reserve_entry(vlot_actor_system *system) {
  for (;;) {
    if (system->entry_count < system->entry_capacity) return true;
    size_t capacity = system->entry_capacity > 0 ? 2 * system->entry_capacity : 8;
    vlot__unlock(&system->lock);
    vlot__entry *entries = vlot__alloc(system->allocator, capacity, sizeof *entries);
    vlot__lock(&system->lock);
    if (!entries) return false;
    vlot__entry *surplus = entries;
    if (capacity > system->entry_capacity) {
      for (size_t i = 0; i < system->entry_count; i++) entries[i] = system->entries[i];
      surplus = system->entries;
      system->entries = entries;
      system->entry_capacity = capacity;
    }
    vlot__unlock(&system->lock);
    vlot__alloc_free(system->allocator, surplus);
    vlot__lock(&system->lock);
  }
}

static vlot__entry *insert_entry(vlot_actor_system *system, uint32_t id) {
  size_t at = position(system, id);
  for (size_t i = system->entry_count; i > at; i--) system->entries[i] = system->entries[i - 1];
  system->entry_count++;
  system->entries[at] = (vlot__entry){.id = id};
  return &system->entries[at];
}

static void remove_entry(vlot_actor_system *system, vlot__entry *entry) {
  vlot__entry *end = system->entries + --system->entry_count;
  for (; entry < end; entry++) entry[0] = entry[1];
}

static void link_newest(vlot_actor_system *system, vlot_actor *actor) {
  actor->older = system->newest;
  if (actor->older) actor->older->newer = actor;
  system->newest = actor;
  system->totals.actors++;
  actor->ordinal = system->totals.spawned++;
}

static void name_actor(vlot_actor *actor, const char *name) {
  uint32_t id = actor->address.id;
  const size_t size = sizeof actor->name;
  if (name)
    snprintf(actor->name, size, "%s", name);
  else if (id < FIRST_ASSIGNED_ID)
    snprintf(actor->name, size, "vlot-%" PRIu32, id);
  else
    snprintf(actor->name, size, "vlot-a%" PRIu32, (id - FIRST_ASSIGNED_ID) % 1000000000u);
}

static vlot_result add_locked(vlot_actor_system *system, vlot_actor *actor,
                              const vlot_actor_options *options) {
  uint32_t id = options->id;
  if (!reserve_entry(system)) return VLOT_NOMEM;
  if (system->is_stopping)
    return vlot__refuse(VLOT_CLOSED, "the system is stopping, or has stopped");
  if (id == 0 && system->next_id == 0) system->next_id = FIRST_ASSIGNED_ID;
  if (id == 0) id = system->next_id++;
  vlot__entry *entry = find_entry(system, id);
  if (entry && entry->actor)
    return vlot__refuse_value(VLOT_EXISTS, "an actor with id {0} is there already", id, 0);
  /* those of callers are remembered for ever, so that an incarnation never comes again */
  if (!entry && system->entry_count >= VLOT_ACTOR_IDS_MAX)
    return vlot__refuse_value(VLOT_BUSY, "{0} ids have been used, the most that a system remembers",
                              VLOT_ACTOR_IDS_MAX, 0);
  if (!entry) entry = insert_entry(system, id);
  entry->actor = actor;
  entry->incarnation++;
  actor->address = (vlot_address){.id = id, .incarnation = entry->incarnation};
  name_actor(actor, options->name);
  link_newest(system, actor);
  return VLOT_OK;
}

vlot_result vlot__registry_add(vlot_actor_system *system, vlot_actor *actor,
                               const vlot_actor_options *options) {
  vlot__lock(&system->lock);
  vlot_result result = add_locked(system, actor, options);
  vlot__unlock(&system->lock);
  return result;
}

void vlot__registry_route(vlot_actor *actor) {
  vlot_actor_system *system = actor->system;
  vlot__lock(&system->lock);
  vlot__entry *entry = find_entry(system, actor->address.id);
  if (entry && entry->actor == actor) entry->is_routable = true;
  vlot__unlock(&system->lock);
}

static void unroute_locked(vlot_actor_system *system, vlot_actor *actor) {
  vlot__entry *entry = find_entry(system, actor->address.id);
  if (!entry || entry->actor != actor) return;
  entry->actor = NULL;
  entry->is_routable = false;
  /* an assigned id never comes back, so there is nothing to remember */
  if (entry->id >= FIRST_ASSIGNED_ID) remove_entry(system, entry);
}

void vlot__registry_unroute(vlot_actor *actor) {
  vlot__lock(&actor->system->lock);
  unroute_locked(actor->system, actor);
  vlot__unlock(&actor->system->lock);
}

void vlot__registry_unlist(vlot_actor_system *system, vlot_actor *actor) {
  if (actor->older) actor->older->newer = actor->newer;
  if (actor->newer)
    actor->newer->older = actor->older;
  else
    system->newest = actor->older;
  actor->older = actor->newer = NULL;
  actor->is_unlisted = true;
  system->totals.actors--;
}

void vlot__registry_remove(vlot_actor *actor) {
  vlot_actor_system *system = actor->system;
  vlot__lock(&system->lock);
  unroute_locked(system, actor);
  vlot__registry_unlist(system, actor);
  system->totals.spawned--;
  vlot__unlock(&system->lock);
}

vlot_actor *vlot__registry_find(vlot_actor_system *system, uint32_t id, uint32_t incarnation) {
  vlot__lock(&system->lock);
  vlot__entry *entry = find_entry(system, id);
  bool is_it =
      entry && entry->is_routable && (incarnation == 0 || entry->incarnation == incarnation);
  vlot_actor *actor = is_it ? vlot_actor_retain(entry->actor) : NULL;
  vlot__unlock(&system->lock);
  return actor;
}

vlot_actor *vlot_actor_find(vlot_actor_system *system, uint32_t id) {
  VLOT_GIVEN(system);
  if (vlot__system_is_forked(system)) return NULL;
  return vlot__registry_find(system, id, 0);
}

bool vlot__registry_snapshot(vlot_actor_system *system, vlot_actor ***actors, size_t *count) {
  vlot__lock(&system->lock);
  size_t room = 0;
  *actors = NULL;
  while (room < system->totals.actors) {
    room = system->totals.actors + 8;
    vlot__unlock(&system->lock);
    vlot__alloc_free(system->allocator, *actors);
    *actors = vlot__alloc(system->allocator, room, sizeof **actors);
    if (!*actors) return false;
    vlot__lock(&system->lock);
  }
  size_t at = *count = system->totals.actors;
  for (vlot_actor *actor = system->newest; actor; actor = actor->older)
    (*actors)[--at] = vlot_actor_retain(actor);
  vlot__unlock(&system->lock);
  return true;
}
