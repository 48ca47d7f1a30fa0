/* Monitors, links, and the telling of an end.
 *
 * A watch stands in the list of the actor that is watched; whoever takes it out, under that actor's
 * lock, owns it. The room for its DOWN is reserved when it is made, so that telling of an end
 * cannot fail.
 */
#include <string.h>

#include "actor/actor.h"
#include "actor/refuse.h"
#include "base/alloc.h"
#include "base/assert.h"

/* --- watches --- */

static void free_watch(const vlot_allocator *allocator, vlot__watch *watch) {
  if (!watch) return;
  vlot__chunk_free_all(allocator, watch->notice);
  vlot__alloc_free(allocator, watch);
}

static vlot__watch *make_watch(vlot_actor *watcher, uint64_t monitor) {
  const vlot_allocator *allocator = watcher->system->allocator;
  vlot__watch *watch = vlot__alloc_zero(allocator, 1, sizeof *watch);
  if (!watch) return NULL;
  watch->watcher = watcher;
  watch->monitor = monitor;
  if (monitor == 0) return watch;
  watch->notice = vlot__chunk_make(allocator, vlot__mail_bytes(sizeof(vlot_down)));
  if (watch->notice) return watch;
  vlot__alloc_free(allocator, watch);
  return NULL;
}

/* Under the lock of the watched. */
static vlot__watch *take_watch(vlot_actor *watched, const vlot_actor *watcher, uint64_t monitor) {
  vlot__watch **link = &watched->watches;
  while (*link && ((*link)->watcher != watcher || (*link)->monitor != monitor))
    link = &(*link)->next;
  vlot__watch *watch = *link;
  if (watch) *link = watch->next;
  return watch;
}

static void remove_watch(vlot_actor *watched, vlot_actor *watcher, uint64_t monitor) {
  vlot__lock(&watched->box.lock);
  vlot__watch *watch = take_watch(watched, watcher, monitor);
  vlot__unlock(&watched->box.lock);
  if (!watch) return;
  free_watch(watched->system->allocator, watch);
  vlot_actor_release(watcher);
}

/* The watch with its notice is used up; the reference to the watcher stays with the caller. */
static void deliver_down(vlot__watch *watch, const vlot_down *down) {
  vlot_actor *watcher = watch->watcher;
  vlot__chunk *notice = watch->notice;
  vlot_mail *mail = (vlot_mail *)(void *)(notice + 1);
  vlot_down *copy = (vlot_down *)(void *)(mail + 1);
  *mail = (vlot_mail){
      .kind = VLOT_MAIL_DOWN, .size = sizeof *down, .sender = down->actor, .stamp = watch->monitor};
  *copy = *down;
  copy->monitor = watch->monitor;
  notice->used = notice->capacity;
  watch->notice = NULL;

  vlot__lock(&watcher->box.lock);
  bool is_queued = vlot__mailbox_push_chunk(&watcher->box, VLOT_LANE_DATA, notice);
  bool wakes = is_queued && vlot__actor_is_to_wake(watcher);
  vlot__unlock(&watcher->box.lock);
  if (wakes) pthread_cond_signal(&watcher->wake);
  if (!is_queued) vlot__chunk_free_all(watcher->system->allocator, notice);
  free_watch(watcher->system->allocator, watch);
}

/* --- the telling --- */

static void get_down(vlot_actor *actor, vlot_down *down) {
  vlot__lock(&actor->box.lock);
  *down = (vlot_down){
      .actor = actor->address, .end = actor->end, .why = actor->why, .code = actor->code};
  memcpy(down->data, actor->data, sizeof down->data);
  vlot__unlock(&actor->box.lock);
}

void vlot__actor_call_fenced(vlot_actor *actor) {
  vlot_down down;
  vlot__calls_end(actor);
  get_down(actor, &down);
  if (actor->behaviour.fenced) actor->behaviour.fenced(actor->context, &down);
}

/* The other end of a link falls with this one, unless the end was normal. True: it is to be
 * announced, next.
 */
static bool follow_link(vlot_actor *ended, vlot_actor *other, const vlot_down *down) {
  bool announces = false;
  vlot__lock(&other->box.lock);
  vlot__watch *back = take_watch(other, ended, 0);
  if (down->end != VLOT_END_NORMAL) vlot__actor_kill_locked(other, down->why, &announces);
  vlot__unlock(&other->box.lock);
  if (back) {
    free_watch(ended->system->allocator, back);
    vlot_actor_release(ended);
  }
  return announces;
}

static vlot__watch *close_watches(vlot_actor *actor) {
  vlot__lock(&actor->box.lock);
  vlot__watch *watches = actor->watches;
  actor->watches = NULL;
  actor->is_announced = true;
  vlot__unlock(&actor->box.lock);
  return watches;
}

/* Returns those that links took along, pushed onto a list of retained actors to be announced. */
static vlot_actor *tell(vlot_actor *actor, vlot_actor *ended) {
  vlot_actor_system *system = actor->system;
  vlot_down down;
  get_down(actor, &down);
  vlot__registry_unroute(actor);
  if (system->options.down && down.end != VLOT_END_START_FAILED)
    system->options.down(system->options.context, &down);
  vlot__watch *watch = close_watches(actor);
  while (watch) {
    vlot__watch *next = watch->next;
    vlot_actor *watcher = watch->watcher;
    bool falls = false;
    if (watch->monitor != 0) {
      deliver_down(watch, &down);
    } else {
      falls = follow_link(actor, watcher, &down);
      free_watch(system->allocator, watch);
    }
    if (falls) {
      watcher->next_ended = ended;
      ended = watcher;
    } else {
      vlot_actor_release(watcher);
    }
    watch = next;
  }
  vlot__lock(&actor->box.lock);
  vlot__actor_tell_waiters(actor);
  vlot__unlock(&actor->box.lock);
  return ended;
}

/* A chain of links of any length falls in a loop, not in a recursion. */
static void announce_all(vlot_actor *ended) {
  while (ended) {
    vlot_actor *actor = ended;
    ended = actor->next_ended;
    vlot__actor_call_fenced(actor);
    ended = tell(actor, ended);
    vlot_actor_release(actor);
  }
}

void vlot__actor_tell_watchers(vlot_actor *actor) { announce_all(tell(actor, NULL)); }

void vlot__actor_announce(vlot_actor *actor) {
  vlot_actor_retain(actor);
  actor->next_ended = NULL;
  announce_all(actor);
}

/* --- monitors: the watcher's side --- */

static vlot__monitor *find_monitor(vlot_actor *actor, uint64_t monitor) {
  for (size_t i = 0; i < actor->monitor_count; i++)
    if (actor->monitors[i].monitor == monitor) return &actor->monitors[i];
  return NULL;
}

bool vlot__monitor_take(vlot_actor *actor, uint64_t monitor) {
  vlot__monitor *found = find_monitor(actor, monitor);
  if (!found) return false;
  vlot_actor *target = found->target;
  *found = actor->monitors[--actor->monitor_count];
  vlot_actor_release(target);
  return true;
}

void vlot__monitor_drop_all(vlot_actor *actor) {
  while (actor->monitor_count > 0) (void)vlot_actor_demonitor(actor, actor->monitors[0].monitor);
}

static bool reserve_monitor(vlot_actor *self) {
  void *monitors = self->monitors;
  bool has_room = vlot__alloc_grow(self->system->allocator, &monitors, &self->monitor_capacity,
                                   self->monitor_count + 1, sizeof *self->monitors);
  self->monitors = monitors;
  return has_room;
}

/* Into the target's list; false: it has ended and been announced. */
static bool add_watch(vlot_actor *target, vlot__watch *watch) {
  vlot__lock(&target->box.lock);
  bool is_in_time = !target->is_announced;
  if (is_in_time) {
    watch->next = target->watches;
    target->watches = watch;
  }
  vlot__unlock(&target->box.lock);
  return is_in_time;
}

static vlot_result watch_target(vlot_actor *self, vlot_actor *target, vlot_address address,
                                uint64_t *monitor) {
  if (target == self) return vlot__refuse(VLOT_INVALID, "an actor cannot monitor itself");
  if (vlot_actor_is_fenced(self)) return vlot__refuse_fenced();
  if (self->monitor_count >= VLOT_ACTOR_MONITORS_MAX)
    return vlot__refuse_value(VLOT_BUSY, "{0} monitors are set, the most that an actor can have",
                              VLOT_ACTOR_MONITORS_MAX, 0);
  uint64_t id = self->monitor_last + 1;
  if (!reserve_monitor(self)) return VLOT_NOMEM;
  vlot__watch *watch = make_watch(self, id);
  if (!watch) return VLOT_NOMEM;

  self->monitor_last = id;
  self->monitors[self->monitor_count++] =
      (vlot__monitor){.monitor = id, .target = vlot_actor_retain(target)};
  vlot_actor_retain(self); /* the watch's */
  if (!target || !add_watch(target, watch)) {
    vlot_down down = {.actor = address, .end = VLOT_END_NOPROC, .why = VLOT_WHY_NODE_DOWN};
    deliver_down(watch, &down);
    vlot_actor_release(self);
  }
  if (monitor) *monitor = id;
  return VLOT_OK;
}

vlot_result vlot_actor_monitor(vlot_actor *self, vlot_actor *target, uint64_t *monitor) {
  VLOT_GIVEN(self);
  VLOT_GIVEN(target);
  if (vlot__system_is_forked(self->system)) return vlot__refuse_forked();
  if (!target) return vlot__refuse(VLOT_INVALID, "target: missing");
  return watch_target(self, target, target->address, monitor);
}

vlot_result vlot_actor_monitor_address(vlot_actor *self, vlot_address target, uint64_t *monitor) {
  VLOT_GIVEN(self);
  if (vlot__system_is_forked(self->system)) return vlot__refuse_forked();
  if (target.id == 0) return vlot__refuse(VLOT_INVALID, "target.id 0: no actor has it");
  vlot_actor *found = vlot__registry_find(self->system, target.id, target.incarnation);
  vlot_result result = watch_target(self, found, target, monitor);
  vlot_actor_release(found);
  return result;
}

vlot_result vlot_actor_demonitor(vlot_actor *self, uint64_t monitor) {
  VLOT_GIVEN(self);
  if (vlot__system_is_forked(self->system)) return vlot__refuse_forked();
  vlot__monitor *found = find_monitor(self, monitor);
  if (!found)
    return vlot__refuse_value(VLOT_NOT_FOUND, "monitor {0} is not set, or its DOWN has come",
                              monitor, 0);
  if (found->target) remove_watch(found->target, self, monitor);
  vlot__monitor_take(self, monitor);
  return VLOT_OK;
}

/* --- links --- */

/* Under the lock. */
static bool has_link(const vlot_actor *actor, const vlot_actor *other) {
  for (const vlot__watch *watch = actor->watches; watch; watch = watch->next)
    if (watch->watcher == other && watch->monitor == 0) return true;
  return false;
}

/* Put a link into an actor's list: OK, EXISTS, or CLOSED when it has ended. */
static vlot_result add_link(vlot_actor *watched, vlot__watch *watch) {
  vlot_result result = VLOT_OK;
  vlot__lock(&watched->box.lock);
  if (watched->is_fence_closed)
    result = VLOT_CLOSED;
  else if (has_link(watched, watch->watcher))
    result = VLOT_EXISTS;
  if (result == VLOT_OK) {
    vlot_actor_retain(watch->watcher);
    watch->next = watched->watches;
    watched->watches = watch;
  }
  vlot__unlock(&watched->box.lock);
  return result;
}

vlot_result vlot_actor_link(vlot_actor *self, vlot_actor *other) {
  VLOT_GIVEN(self);
  VLOT_GIVEN(other);
  if (vlot__system_is_forked(self->system)) return vlot__refuse_forked();
  if (!other || other == self)
    return vlot__refuse(VLOT_INVALID, "other: another actor is needed, not NULL or itself");
  const vlot_allocator *allocator = self->system->allocator;
  vlot__watch *theirs = make_watch(self, 0);
  vlot__watch *ours = make_watch(other, 0);
  vlot_result result = theirs && ours ? add_link(self, ours) : VLOT_NOMEM;
  if (result != VLOT_OK) {
    free_watch(allocator, theirs);
    free_watch(allocator, ours);
    if (result == VLOT_CLOSED) return vlot__refuse_fenced();
    return result == VLOT_EXISTS ? VLOT_OK : result;
  }
  result = add_link(other, theirs);
  if (result == VLOT_OK) return VLOT_OK;
  free_watch(allocator, theirs);
  /* the other was linking to us at the same time */
  if (result == VLOT_EXISTS) return VLOT_OK;
  remove_watch(self, other, 0);
  return vlot__refuse(VLOT_CLOSED, "the other actor has ended");
}

void vlot_actor_unlink(vlot_actor *self, vlot_actor *other) {
  VLOT_GIVEN(self);
  VLOT_GIVEN(other);
  if (!other || vlot__system_is_forked(self->system)) return;
  remove_watch(self, other, 0);
  remove_watch(other, self, 0);
}
