/* The lockstep driver: virtual time, a list of everything that can happen, and one thing at a time.
 * The next one is the earliest; among those due at the same tick the seed decides, but mail of one
 * sender to one receiver keeps its order unless a fault says otherwise. A node's turn runs inline,
 * on the caller's thread, or is granted to its own thread: the run is the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/describe.h"
#include "cluster/internal.h"

enum {
  ITEM_BYTES = 256, /* payload that a pooled item holds; larger ones are made for it */

};

struct vlot__item {
  uint64_t due;
  uint64_t tie;
  uint64_t id;
  vlot__item *next; /* in the pool */
  size_t place;     /* in the heap */
  uint32_t kind;    /* vlot_pending_kind */
  uint32_t node;
  uint32_t from;
  uint32_t mail_kind;
  uint32_t message_kind;
  uint32_t size;
  uint32_t capacity;
  bool is_held;
  uint8_t payload[] __attribute__((aligned(8)));
};

/* For a debugger: see base/describe.h. */
const vlot__described vlot_described_item[] VLOT__DESCRIBED = {
    VLOT__VERSION,
    VLOT__STRUCT(item, struct vlot__item),
    VLOT__NUMBER(item.due, struct vlot__item, due),
    VLOT__NUMBER(item.tie, struct vlot__item, tie),
    VLOT__NUMBER(item.id, struct vlot__item, id),
    VLOT__NUMBER(item.kind, struct vlot__item, kind),
    VLOT__NUMBER(item.node, struct vlot__item, node),
    VLOT__NUMBER(item.sender, struct vlot__item, from),
    VLOT__NUMBER(item.mail_kind, struct vlot__item, mail_kind),
    VLOT__NUMBER(item.is_held, struct vlot__item, is_held),
    VLOT__PLACE(item.payload, struct vlot__item, payload),
    VLOT__END,
};

/* --- items --- */

static vlot__item *new_item(vlot_cluster *cluster, size_t size) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  vlot__item *item = size <= ITEM_BYTES ? lockstep->pool : NULL;
  if (item) {
    lockstep->pool = item->next;
  } else {
    size_t capacity = size <= ITEM_BYTES ? ITEM_BYTES : size;
    item = vlot__alloc(cluster->allocator, 1, sizeof *item + capacity);
    if (!item) return NULL;
    item->capacity = (uint32_t)capacity;
  }
  item->is_held = false;
  item->size = (uint32_t)size;
  return item;
}

static void free_item(vlot_cluster *cluster, vlot__item *item) {
  if (item->capacity != ITEM_BYTES) {
    vlot__alloc_free(cluster->allocator, item);
    return;
  }
  item->next = cluster->lockstep.pool;
  cluster->lockstep.pool = item;
}

static void dispose_item(vlot_cluster *cluster, vlot__item *item) {
  if (item->mail_kind) vlot__mail_dispose(item->mail_kind, item->payload);
  free_item(cluster, item);
}

/* --- the heap --- */

static bool item_is_before(const vlot__item *a, const vlot__item *b) {
  if (a->due != b->due) return a->due < b->due;
  if (a->tie != b->tie) return a->tie < b->tie;
  return a->id < b->id;
}

static void set_place(vlot__lockstep *lockstep, size_t place, vlot__item *item) {
  lockstep->heap[place] = item;
  item->place = place;
}

static void sift_up(vlot__lockstep *lockstep, vlot__item *item) {
  size_t place = item->place;
  while (place > 0) {
    size_t parent = (place - 1) / 2;
    if (!item_is_before(item, lockstep->heap[parent])) break;
    set_place(lockstep, place, lockstep->heap[parent]);
    place = parent;
  }
  set_place(lockstep, place, item);
}

static void sift_down(vlot__lockstep *lockstep, vlot__item *item) {
  size_t place = item->place;
  for (;;) {
    size_t child = 2 * place + 1;
    if (child >= lockstep->count) break;
    if (child + 1 < lockstep->count &&
        item_is_before(lockstep->heap[child + 1], lockstep->heap[child]))
      child++;
    if (!item_is_before(lockstep->heap[child], item)) break;
    set_place(lockstep, place, lockstep->heap[child]);
    place = child;
  }
  set_place(lockstep, place, item);
}

static bool reserve_item(vlot_cluster *cluster, size_t more) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  void *heap = lockstep->heap;
  bool has_room = vlot__alloc_grow(cluster->allocator, &heap, &lockstep->capacity,
                                   lockstep->count + more, sizeof *lockstep->heap);
  lockstep->heap = heap;
  return has_room;
}

/* Room must have been reserved. */
static void push(vlot__lockstep *lockstep, vlot__item *item) {
  item->place = lockstep->count++;
  sift_up(lockstep, item);
}

static void take_out(vlot__lockstep *lockstep, vlot__item *item) {
  size_t place = item->place;
  vlot__item *last = lockstep->heap[--lockstep->count];
  if (last == item) return;
  last->place = place;
  lockstep->heap[place] = last;
  sift_up(lockstep, last);
  sift_down(lockstep, last);
}

/* The tie-break is a place inside the tick, 0 to 2^32 - 1: like a time, so that whatever is posted
 * comes after what caused it and nothing waits for ever behind newer things. A clean link takes up
 * to 1/64 of a tick.
 */
enum { HOP_BITS = 26 };
#define TICK_LENGTH (UINT64_C(1) << 32)

static uint64_t draw_tie(vlot_cluster *cluster) {
  return vlot__prng_next(&cluster->lockstep.schedule) >> 32;
}

static void draw_arrival(vlot_cluster *cluster, vlot__item *item, uint64_t due) {
  uint64_t drawn = draw_tie(cluster);
  item->due = due;
  item->tie = drawn;
  if (due > vlot__now(cluster)) return;
  item->tie = cluster->lockstep.now_tie + 1 + (drawn >> (32 - HOP_BITS));
  if (item->tie < TICK_LENGTH) return;
  item->tie -= TICK_LENGTH;
  item->due++;
}

/* --- beginning and end --- */

bool vlot__lockstep_init(vlot_cluster *cluster) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  size_t links = ((size_t)cluster->nodes + 1) * cluster->nodes;
  vlot__prng_init(&lockstep->schedule, cluster->options.seed, UINT64_C(2) << 40);
  lockstep->newest = vlot__alloc_zero(cluster->allocator, links, sizeof *lockstep->newest);
  for (uint32_t k = 0; k < cluster->nodes; k++)
    vlot__ring_init(&cluster->slots[k].parked_mail, cluster->allocator, sizeof(vlot__item *));
  return lockstep->newest != NULL && reserve_item(cluster, 2 * (size_t)cluster->nodes);
}

void vlot__lockstep_deinit(vlot_cluster *cluster) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  for (size_t k = 0; k < lockstep->count; k++) dispose_item(cluster, lockstep->heap[k]);
  for (size_t k = 0; k < lockstep->held_count; k++) dispose_item(cluster, lockstep->held[k]);
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__ring *parked = &cluster->slots[k].parked_mail;
    for (size_t m = 0; m < parked->count; m++)
      dispose_item(cluster, *(vlot__item **)vlot__ring_at(parked, m));
    if (parked->allocator) vlot__ring_deinit(parked);
  }
  for (vlot__item *item = lockstep->pool, *next; item; item = next) {
    next = item->next;
    vlot__alloc_free(cluster->allocator, item);
  }
  vlot__alloc_free(cluster->allocator, lockstep->heap);
  vlot__alloc_free(cluster->allocator, lockstep->held);
  vlot__alloc_free(cluster->allocator, lockstep->newest);
}

/* --- posting --- */

vlot_result vlot__lockstep_post(vlot_cluster *cluster, uint32_t from, uint32_t to, uint32_t kind,
                                uint32_t message_kind, uint64_t due, bool may_overtake,
                                const vlot_piece *pieces, size_t count) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  size_t size = 0;
  for (size_t k = 0; k < count; k++) size += pieces[k].size;
  vlot__item *item = reserve_item(cluster, 1) ? new_item(cluster, size) : NULL;
  if (!item) return VLOT_NOMEM;
  uint8_t *at = item->payload;
  for (size_t k = 0; k < count; k++) {
    memcpy(at, pieces[k].data, pieces[k].size);
    at += pieces[k].size;
  }
  item->id = ((const vlot__mail_head *)(const void *)item->payload)->id;
  item->kind = message_kind ? VLOT_PENDING_MESSAGE
               : from       ? VLOT_PENDING_MESSAGE
                            : VLOT_PENDING_CLIENT;
  item->node = to;
  item->from = from;
  item->mail_kind = kind;
  item->message_kind = message_kind;
  draw_arrival(cluster, item, due);
  vlot__link_key *newest = &lockstep->newest[(size_t)from * cluster->nodes + (to - 1)];
  if (!may_overtake) {
    if (item->due < newest->due) item->due = newest->due;
    if (item->due == newest->due && item->tie < newest->tie) item->tie = newest->tie;
    *newest = (vlot__link_key){.due = item->due, .tie = item->tie};
  }
  push(lockstep, item);
  return VLOT_OK;
}

/* --- timers and writes: one item per slot each --- */

static vlot__item *slot_item(vlot__slot *slot, vlot_pending_kind kind, uint64_t due) {
  vlot_cluster *cluster = slot->cluster;
  vlot__item *item = reserve_item(cluster, 1) ? new_item(cluster, 0) : NULL;
  if (!item) {
    cluster->lockstep.is_short = true;
    return NULL;
  }
  item->kind = kind;
  item->id = kind == VLOT_PENDING_TIMER ? VLOT_PENDING_TIMER_ID(slot->id)
                                        : VLOT_PENDING_WRITE_ID(slot->id);
  item->node = slot->id;
  item->from = 0;
  item->mail_kind = item->message_kind = 0;
  item->due = due;
  item->tie = draw_tie(cluster);
  push(&cluster->lockstep, item);
  return item;
}

/* A due time that moved later is only looked at when the old one comes: heartbeats move it all the
 * time. */
static void set_due(vlot__slot *slot, vlot__item **item, vlot_pending_kind kind, uint64_t due) {
  vlot_cluster *cluster = slot->cluster;
  if (!*item) {
    if (due != VLOT_NEVER) *item = slot_item(slot, kind, due);
  } else if (!(*item)->is_held && due < (*item)->due) {
    (*item)->due = due;
    sift_up(&cluster->lockstep, *item);
  }
}

static bool runs(const vlot__slot *slot) {
  return slot->node && atomic_load(&slot->state) == VLOT_NODE_UP;
}

/* A debugger reads it: with threads the end of a turn says it to the clock, in the same place. */
static void publish_due(vlot__slot *slot) {
  atomic_store_explicit(&slot->due, vlot__node_due(slot->node), memory_order_relaxed);
}

void vlot__lockstep_slot_changed(vlot__slot *slot) {
  if (slot->node) publish_due(slot);
  if (!runs(slot)) return;
  set_due(slot, &slot->timer, VLOT_PENDING_TIMER,
          atomic_load_explicit(&slot->due, memory_order_relaxed));
  if (slot->disk && slot->has_pending_writes) {
    uint64_t due = vlot__disk_next_due(slot->disk);
    set_due(slot, &slot->write, VLOT_PENDING_WRITE, due);
    if (due == VLOT_NEVER && vlot__disk_pending(slot->disk, NULL, 0) == 0)
      slot->has_pending_writes = false;
  }
}

static void remove_held(vlot__lockstep *lockstep, const vlot__item *item) {
  size_t k = 0;
  while (lockstep->held[k] != item) k++;
  memmove(&lockstep->held[k], &lockstep->held[k + 1],
          (lockstep->held_count - k - 1) * sizeof *lockstep->held);
  lockstep->held_count--;
}

static void unlist(vlot_cluster *cluster, vlot__item *item) {
  if (item->is_held)
    remove_held(&cluster->lockstep, item);
  else
    take_out(&cluster->lockstep, item);
  item->is_held = false;
}

static void forget(vlot__slot *slot, vlot__item **item) {
  if (!*item) return;
  unlist(slot->cluster, *item);
  free_item(slot->cluster, *item);
  *item = NULL;
}

void vlot__lockstep_forget(vlot__slot *slot) {
  forget(slot, &slot->timer);
  forget(slot, &slot->write);
  slot->has_pending_writes = false;
}

/* --- carrying one thing out --- */

typedef struct taken_mail {
  uint32_t kind;
  uint32_t size;
  uint64_t stamp;
  void *payload;
} taken_mail;

static void run_inline(vlot__slot *slot, const taken_mail *mails, uint32_t count) {
  vlot_cluster *cluster = slot->cluster;
  cluster->is_in_turn = true;
  vlot__node_begin(slot->node, NULL, !slot->was_suspended);
  for (uint32_t k = 0; k < count; k++)
    vlot__node_take(slot->node, mails[k].kind, mails[k].stamp, mails[k].payload, mails[k].size);
  vlot__node_end(slot->node);
  cluster->is_in_turn = false;
}

/* The same turn, on the node's own thread. */
static void run_granted(vlot__slot *slot, const taken_mail *mails, uint32_t count) {
  uint32_t sent = 0;
  for (uint32_t k = 0; k < count; k++) {
    vlot_lane lane = mails[k].kind == VLOT__MAIL_STORED ? VLOT_LANE_CONTROL : VLOT_LANE_DATA;
    if (vlot_actor_send(NULL, slot->actor, lane, mails[k].kind, mails[k].stamp, mails[k].payload,
                        mails[k].size) == VLOT_OK)
      sent++;
    else
      vlot__mail_dispose(mails[k].kind, mails[k].payload);
  }
  if (sent > 0 && vlot_actor_grant(slot->actor) != VLOT_OK)
    vlot__log(slot->cluster, "n%u could not be given its turn", slot->id);
}

static void run_slot_turn(vlot__slot *slot, const taken_mail *mails, uint32_t count) {
  vlot_cluster *cluster = slot->cluster;
  if (cluster->lockstep.is_inline)
    run_inline(slot, mails, count);
  else
    run_granted(slot, mails, count);
  slot->was_suspended = false;
  if (vlot__node_is_fenced(slot->node)) {
    atomic_store(&slot->state, VLOT_NODE_FENCED);
    vlot__log(cluster, "n%u is fenced and takes nothing any more: %s", slot->id,
              vlot__node_fenced_text(slot->node));
    vlot__lockstep_forget(slot);
    publish_due(slot);
  } else {
    vlot__lockstep_slot_changed(slot);
  }
  /* others look while it is paused */
  if (cluster->options.driver == VLOT_DRIVER_THREADS) vlot__slot_publish(slot);
}

/* A storage completion is a turn of its own; called by the disk while the write's action is carried
 * out. */
void vlot__lockstep_stored(vlot__slot *slot, vlot__mail_stored *stored) {
  if (!runs(slot)) return;
  taken_mail one = {.kind = VLOT__MAIL_STORED, .size = sizeof *stored, .payload = stored};
  run_slot_turn(slot, &one, 1);
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

static void drop_mail(vlot_cluster *cluster, vlot__item *item, vlot_why why) {
  vlot__mail_message *message = (void *)item->payload;
  if (cluster->journal)
    vlot__journal_drop(cluster, item->node, item->mail_kind == VLOT__MAIL_MESSAGE, why, item->id);
  if (item->mail_kind == VLOT__MAIL_MESSAGE) {
    vlot__emit_message(cluster, NULL, VLOT_EVENT_DROPPED, why, item->id, &message->message);
  } else {
    vlot_event *event = vlot__event_begin(cluster, NULL, VLOT_EVENT_DROPPED, why, item->node);
    event->message = item->id;
    vlot__emit(cluster, NULL, event);
  }
  vlot__mail_refused(cluster, item->mail_kind, item->payload, why);
  dispose_item(cluster, item);
}

/* The due time of a slot's item as it is by now. */
static uint64_t true_due(vlot_cluster *cluster, const vlot__item *item) {
  vlot__slot *slot = vlot__slot_of(cluster, item->node);
  if (item->kind == VLOT_PENDING_TIMER) return runs(slot) ? vlot__node_due(slot->node) : VLOT_NEVER;
  if (item->kind == VLOT_PENDING_WRITE)
    return runs(slot) ? vlot__disk_next_due(slot->disk) : VLOT_NEVER;
  return item->due;
}

/* The earliest thing, with due times brought up to date; NULL: there is none. What is due never
 * stays, at the end of the heap: when it would leave depends on who has looked at it, and a new
 * item would draw another tie.
 */
static vlot__item *earliest(vlot_cluster *cluster) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  while (lockstep->count > 0) {
    vlot__item *item = lockstep->heap[0];
    if (item->due == VLOT_NEVER) return NULL;
    if (item->mail_kind) return item;
    uint64_t due = true_due(cluster, item);
    if (due <= item->due) return item;
    item->due = due;
    sift_down(lockstep, item);
  }
  return NULL;
}

/* Deliveries to the same node that come next and are due: a turn takes what is queued, and the seed
 * says how much that is. */
static uint32_t gather_turn(vlot_cluster *cluster, vlot__item **items, uint32_t max) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  uint32_t count = 1, wanted = 0;
  while (count < max) {
    vlot__item *next = earliest(cluster);
    if (!next || !next->mail_kind || next->node != items[0]->node || next->due > vlot__now(cluster))
      break;
    if (wanted == 0) wanted = 1 + (uint32_t)vlot__prng_below(&lockstep->schedule, max);
    if (count >= wanted) break;
    take_out(lockstep, next);
    items[count++] = next;
    cluster->action++;
  }
  return count;
}

enum { GROUP_MAX = 64 };

static void deliver(vlot_cluster *cluster, vlot__item *first, uint32_t turn_max) {
  vlot__slot *slot = vlot__slot_of(cluster, first->node);
  vlot__item *items[GROUP_MAX];
  taken_mail mails[GROUP_MAX];
  vlot_node_state state = atomic_load(&slot->state);
  if (state == VLOT_NODE_SUSPENDED) {
    vlot__item **parked = vlot__ring_push(&slot->parked_mail);
    if (parked)
      *parked = first;
    else
      drop_mail(cluster, first, VLOT_WHY_NO_MEMORY);
    return;
  }
  if (state != VLOT_NODE_UP) {
    drop_mail(cluster, first, VLOT_WHY_NODE_DOWN);
    return;
  }
  items[0] = first;
  uint32_t count = turn_max > 1 ? gather_turn(cluster, items, turn_max) : 1;
  for (uint32_t k = 0; k < count; k++)
    mails[k] = (taken_mail){.kind = items[k]->mail_kind,
                            .size = items[k]->size,
                            .stamp = vlot__now(cluster),
                            .payload = items[k]->payload};
  run_slot_turn(slot, mails, count);
  /* what they referred to is the node's now */
  for (uint32_t k = 0; k < count; k++) free_item(cluster, items[k]);
}

/* The timer's item leaves the list; the node's next timer makes another one. */
static void fire_timer(vlot_cluster *cluster, vlot__item *item, bool is_early) {
  vlot__slot *slot = vlot__slot_of(cluster, item->node);
  slot->timer = NULL;
  free_item(cluster, item);
  if (!runs(slot)) return;
  /* before its time: first what has passed, then, for this node alone, what is left until it
   * fires */
  taken_mail ticks[2] = {{.kind = VLOT__MAIL_TICK, .stamp = vlot__now(cluster)},
                         {.kind = VLOT__MAIL_TICK, .stamp = VLOT__STAMP_FIRE}};
  run_slot_turn(slot, ticks, is_early ? 2 : 1);
}

static void complete_write(vlot_cluster *cluster, vlot__item *item) {
  vlot__slot *slot = vlot__slot_of(cluster, item->node);
  slot->write = NULL;
  free_item(cluster, item);
  vlot__disk_complete_one(slot->disk, NULL);
  vlot__lockstep_slot_changed(slot);
}

/* The item is out of the list. */
static void carry_out(vlot_cluster *cluster, vlot__item *item, uint32_t turn_max, bool is_early) {
  switch ((vlot_pending_kind)item->kind) {
  case VLOT_PENDING_TIMER: fire_timer(cluster, item, is_early); return;
  case VLOT_PENDING_WRITE: complete_write(cluster, item); return;
  case VLOT_PENDING_MESSAGE:
  case VLOT_PENDING_CLIENT: deliver(cluster, item, turn_max); return;
  }
}

/* A timer that could not be listed would never fire, and a node whose timer is lost may never have
 * a turn again. */
static void list_again(vlot_cluster *cluster) {
  cluster->lockstep.is_short = false;
  for (uint32_t k = 0; k < cluster->nodes; k++) vlot__lockstep_slot_changed(&cluster->slots[k]);
}

/* What a debugger asks is an action, unless nothing comes of it. */
static bool obey_one(vlot_cluster *cluster) {
  uint64_t before = cluster->action;
  if (!vlot__requests_wait(cluster) || !vlot__requests_obey(cluster, 1)) return false;
  vlot__requests_ended(cluster, cluster->action != before);
  return true;
}

bool vlot__lockstep_run_one(vlot_cluster *cluster, uint64_t limit) {
  if (obey_one(cluster)) return true;
  if (cluster->lockstep.is_short) list_again(cluster);
  if (cluster->replay) return vlot__replay_run_one(cluster, limit);
  vlot__item *item = earliest(cluster);
  if (!item || item->due > limit) {
    if (limit != VLOT_NEVER && limit > vlot__now(cluster)) {
      atomic_store_explicit(&cluster->now, limit, memory_order_relaxed);
      cluster->lockstep.now_tie = 0;
      vlot__requests_ended(cluster, false);
    }
    return false;
  }
  take_out(&cluster->lockstep, item);
  begin_action(cluster, item);
  if (vlot__lint_is_due(cluster)) vlot__lint_look(cluster);
  carry_out(cluster, item, cluster->options.turn_max, false);
  vlot__requests_ended(cluster, true);
  return true;
}

bool vlot__lockstep_has_traffic(const vlot_cluster *cluster) {
  for (size_t k = 0; k < cluster->lockstep.count; k++)
    if (cluster->lockstep.heap[k]->kind != VLOT_PENDING_TIMER) return true;
  for (size_t k = 0; k < cluster->lockstep.held_count; k++)
    if (cluster->lockstep.held[k]->kind != VLOT_PENDING_TIMER) return true;
  return false;
}

void vlot__lockstep_cut(vlot_cluster *cluster, uint32_t from, uint32_t to, vlot_why why) {
  for (;;) {
    vlot__item *found = NULL;
    /* by id, not by place in the heap: the order of these events is the order in which the messages
     * were sent */
    for (size_t k = 0; k < cluster->lockstep.count; k++) {
      vlot__item *item = cluster->lockstep.heap[k];
      if (item->kind == VLOT_PENDING_MESSAGE && item->from == from && item->node == to &&
          (!found || item->id < found->id))
        found = item;
    }
    if (!found) return;
    take_out(&cluster->lockstep, found);
    drop_mail(cluster, found, why);
  }
}

/* Mail that arrived while the node was suspended is due now, in the order it came. */
void vlot__lockstep_resume(vlot__slot *slot) {
  vlot_cluster *cluster = slot->cluster;
  slot->was_suspended = true;
  while (slot->parked_mail.count > 0) {
    vlot__item *item = *(vlot__item **)vlot__ring_at(&slot->parked_mail, 0);
    vlot__ring_pop_front(&slot->parked_mail);
    item->due = vlot__now(cluster);
    item->tie = 0; /* before anything newer; ids keep their order */
    if (reserve_item(cluster, 1))
      push(&cluster->lockstep, item);
    else
      drop_mail(cluster, item, VLOT_WHY_NO_MEMORY);
  }
  vlot__lockstep_slot_changed(slot);
}

/* The node is gone for good: what waited for it is lost with it. */
void vlot__lockstep_drop_parked(vlot__slot *slot, vlot_why why) {
  while (slot->parked_mail.count > 0) {
    vlot__item *item = *(vlot__item **)vlot__ring_at(&slot->parked_mail, 0);
    vlot__ring_pop_front(&slot->parked_mail);
    drop_mail(slot->cluster, item, why);
  }
}

static vlot__item *find_item(vlot_cluster *cluster, uint64_t id) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  for (size_t k = 0; k < lockstep->count; k++)
    if (lockstep->heap[k]->id == id) return lockstep->heap[k];
  for (size_t k = 0; k < lockstep->held_count; k++)
    if (lockstep->held[k]->id == id) return lockstep->held[k];
  return NULL;
}

/* Room is reserved. */
static void list_copy(vlot_cluster *cluster, const vlot__item *item, vlot__item *twin,
                      uint64_t id) {
  size_t place = twin->place;
  uint32_t capacity = twin->capacity;
  memcpy(twin, item, sizeof *item + item->size);
  twin->place = place;
  twin->capacity = capacity;
  twin->is_held = false;
  twin->id = id;
  ((vlot__mail_head *)(void *)twin->payload)->id = id;
  vlot__mail_retain(twin->mail_kind, twin->payload);
  push(&cluster->lockstep, twin);
}

/* --- a replay's: it carries out by id what was recorded --- */

vlot__item *vlot__lockstep_take(vlot_cluster *cluster, uint64_t id, uint32_t *node) {
  vlot__item *item = id < VLOT_PENDING_TIMER_ID(0) ? find_item(cluster, id) : NULL;
  if (!item) return NULL;
  *node = item->node;
  unlist(cluster, item);
  return item;
}

vlot__item *vlot__lockstep_make(vlot_cluster *cluster, uint32_t kind, size_t size) {
  vlot__item *item = new_item(cluster, size);
  if (item) item->mail_kind = kind;
  return item;
}

void *vlot__lockstep_payload(vlot__item *item, uint32_t *kind, uint32_t *size) {
  *kind = item->mail_kind;
  *size = item->size;
  return item->payload;
}

void vlot__lockstep_free(vlot_cluster *cluster, vlot__item *item) { free_item(cluster, item); }

bool vlot__lockstep_drop(vlot_cluster *cluster, uint64_t id, vlot_why why) {
  uint32_t node;
  vlot__item *item = vlot__lockstep_take(cluster, id, &node);
  if (item) drop_mail(cluster, item, why);
  return item != NULL;
}

void vlot__lockstep_purge(vlot_cluster *cluster, uint32_t node,
                          bool (*is_wanted)(void *context, uint64_t id), void *context) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  size_t kept = 0;
  for (size_t k = 0; k < lockstep->count; k++) {
    vlot__item *item = lockstep->heap[k];
    if (item->mail_kind && item->node == node && !is_wanted(context, item->id))
      dispose_item(cluster, item);
    else
      lockstep->heap[kept++] = item;
  }
  if (kept == lockstep->count) return;
  size_t count = kept;
  lockstep->count = 0;
  /* place k is free by then */
  for (size_t k = 0; k < count; k++) push(lockstep, lockstep->heap[k]);
}

bool vlot__lockstep_copy(vlot_cluster *cluster, uint64_t id, uint64_t copy) {
  vlot__item *item = find_item(cluster, id);
  if (!item || item->mail_kind != VLOT__MAIL_MESSAGE) return false;
  vlot__item *twin = reserve_item(cluster, 1) ? new_item(cluster, item->size) : NULL;
  if (twin) list_copy(cluster, item, twin, copy);
  return twin != NULL;
}

/* --- the caller's verbs --- */

static vlot_result check_pending(vlot_cluster *cluster) {
  if (!cluster->is_lockstep) return VLOT_UNSUPPORTED;
  /* another thread has paused it, and steps it */
  if (!vlot__drives(cluster)) return VLOT_BUSY;
  return vlot__is_node_thread(cluster) ? VLOT_DEADLOCK : VLOT_OK;
}

/* Of what would make it another run. */
static vlot_result check_change(vlot_cluster *cluster) {
  return cluster->replay ? VLOT_UNSUPPORTED : check_pending(cluster);
}

vlot_result vlot_lockstep_step(vlot_cluster *cluster, uint64_t actions, uint64_t *done) {
  uint64_t before = cluster->action;
  if (done) *done = 0;
  vlot_result result = check_pending(cluster);
  if (result != VLOT_OK) return result;
  while (cluster->action - before < actions && !cluster->observer.has_violation)
    if (!vlot__lockstep_run_one(cluster, VLOT_NEVER)) break;
  if (done) *done = cluster->action - before;
  if (vlot__replay_has_diverged(cluster)) return VLOT_FAILED;
  return cluster->observer.has_violation ? VLOT_VIOLATED : VLOT_OK;
}

vlot_result vlot_lockstep_until(vlot_cluster *cluster,
                                bool (*is_reached)(vlot_cluster *cluster, void *context),
                                void *context, uint64_t actions) {
  uint64_t before = cluster->action;
  vlot_result result = check_pending(cluster);
  while (result == VLOT_OK && !is_reached(cluster, context)) {
    if (cluster->observer.has_violation)
      result = VLOT_VIOLATED;
    else if (vlot__replay_has_diverged(cluster))
      result = VLOT_FAILED;
    else if (cluster->action - before >= actions || !vlot__lockstep_run_one(cluster, VLOT_NEVER))
      result = VLOT_TIMEOUT;
  }
  return result;
}

vlot_result vlot_lockstep_fire(vlot_cluster *cluster, uint64_t id) {
  vlot_result result = check_change(cluster);
  if (result != VLOT_OK) return result;
  while (obey_one(cluster)) continue;
  vlot__item *item = find_item(cluster, id);
  if (!item) return VLOT_NOT_FOUND;
  bool is_early = true_due(cluster, item) > vlot__now(cluster);
  unlist(cluster, item);
  vlot__count_command(cluster); /* time stands still */
  carry_out(cluster, item, 1, is_early);
  vlot__requests_ended(cluster, true);
  return cluster->observer.has_violation ? VLOT_VIOLATED : VLOT_OK;
}

vlot_result vlot_lockstep_drop(vlot_cluster *cluster, uint64_t id) {
  vlot_result result = check_change(cluster);
  if (result != VLOT_OK) return result;
  vlot__item *item = find_item(cluster, id);
  if (!item) return VLOT_NOT_FOUND;
  if (!item->mail_kind) return VLOT_UNSUPPORTED;
  unlist(cluster, item);
  vlot__count_command(cluster); /* time stands still */
  drop_mail(cluster, item, VLOT_WHY_DROPPED);
  vlot__requests_ended(cluster, true);
  return VLOT_OK;
}

vlot_result vlot_lockstep_hold(vlot_cluster *cluster, uint64_t id, bool is_held) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  vlot_result result = check_change(cluster);
  if (result != VLOT_OK) return result;
  vlot__item *item = find_item(cluster, id);
  if (!item) return VLOT_NOT_FOUND;
  if (item->is_held == is_held) return VLOT_OK;
  if (!is_held) {
    if (!reserve_item(cluster, 1)) return VLOT_NOMEM;
    vlot__count_command(cluster);
    remove_held(lockstep, item);
    item->is_held = false;
    push(lockstep, item);
    return VLOT_OK;
  }
  void *held = lockstep->held;
  if (!vlot__alloc_grow(cluster->allocator, &held, &lockstep->held_capacity,
                        lockstep->held_count + 1, sizeof *lockstep->held))
    return VLOT_NOMEM;
  lockstep->held = held;
  vlot__count_command(cluster);
  take_out(lockstep, item);
  item->is_held = true;
  lockstep->held[lockstep->held_count++] = item;
  return VLOT_OK;
}

vlot_result vlot_lockstep_duplicate(vlot_cluster *cluster, uint64_t id, uint64_t *copy) {
  vlot_result result = check_change(cluster);
  if (result != VLOT_OK) return result;
  vlot__item *item = find_item(cluster, id);
  if (!item) return VLOT_NOT_FOUND;
  /* Raft's messages may come twice, a client's call may not */
  if (item->mail_kind != VLOT__MAIL_MESSAGE) return VLOT_UNSUPPORTED;
  vlot__item *twin = reserve_item(cluster, 1) ? new_item(cluster, item->size) : NULL;
  if (!twin) return VLOT_NOMEM;
  vlot__count_command(cluster);
  list_copy(cluster, item, twin, vlot__new_id(cluster, NULL));
  if (cluster->journal) vlot__journal_copy(cluster, id, twin->id);
  if (copy) *copy = twin->id;
  return VLOT_OK;
}

vlot_result vlot_lockstep_delay(vlot_cluster *cluster, uint64_t id, uint64_t ticks) {
  vlot_result result = check_change(cluster);
  if (result != VLOT_OK) return result;
  vlot__item *item = find_item(cluster, id);
  if (!item) return VLOT_NOT_FOUND;
  /* a timer is due when its node says so: hold it */
  if (item->kind == VLOT_PENDING_TIMER) return VLOT_UNSUPPORTED;
  if (item->kind == VLOT_PENDING_WRITE &&
      !vlot__disk_postpone(vlot__slot_of(cluster, item->node)->disk, ticks))
    return VLOT_NOT_FOUND;
  vlot__count_command(cluster);
  uint64_t now = vlot__now(cluster);
  uint64_t from = item->due > now ? item->due : now;
  item->due = ticks < VLOT_NEVER - from ? from + ticks : VLOT_NEVER;
  if (!item->is_held) sift_down(&cluster->lockstep, item);
  return VLOT_OK;
}

static void describe_body(const vlot_message *message, vlot_pending *pending) {
  bool is_ok = (message->flags & VLOT_MESSAGE_OK) != 0;
  switch (vlot_message_body_of(message->kind)) {
  case VLOT_BODY_VOTE: pending->index = message->as.vote.last_index; return;
  case VLOT_BODY_APPEND:
    pending->index = message->as.append.prev_index;
    pending->entries = message->as.append.entry_count;
    return;
  case VLOT_BODY_APPEND_REPLY:
    pending->index = is_ok ? message->as.reply.match_index : message->as.reply.hint_index;
    return;
  case VLOT_BODY_UNKNOWN:
  case VLOT_BODY_VOTE_REPLY: return;
  }
}

static vlot_pending describe(vlot_cluster *cluster, const vlot__item *item) {
  vlot_pending pending = {
      .id = item->id,
      .kind = (vlot_pending_kind)item->kind,
      .node = item->node,
      .from = item->from,
      .is_held = item->is_held,
      .due = true_due(cluster, item),
      .message_kind = item->message_kind,
  };
  if (item->mail_kind == VLOT__MAIL_PROPOSE) {
    const vlot__mail_propose *mail = (const void *)item->payload;
    pending.entries = mail->count;
    if (item->from == 0) pending.from = mail->client;
  }
  if (item->mail_kind == VLOT__MAIL_READ && item->from == 0)
    pending.from = ((const vlot__mail_read *)(const void *)item->payload)->client;
  if (item->mail_kind != VLOT__MAIL_MESSAGE) return pending;
  const vlot_message *message = &((const vlot__mail_message *)(const void *)item->payload)->message;
  pending.message_flags = message->flags;
  pending.term = message->term;
  describe_body(message, &pending);
  return pending;
}

static int compare_pending(const void *left, const void *right) {
  const vlot__item *a = *(vlot__item *const *)left;
  const vlot__item *b = *(vlot__item *const *)right;
  return item_is_before(a, b)   ? -1
         : item_is_before(b, a) ? 1
                                : 0; /* ids differ: there are no ties */
}

size_t vlot_lockstep_pending(vlot_cluster *cluster, vlot_pending *pending, size_t capacity) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  if (check_pending(cluster) != VLOT_OK) return 0;
  /* due times first, then the heap is sorted in place: a sorted array is a heap */
  for (size_t k = 0; k < lockstep->count; k++)
    if (!lockstep->heap[k]->mail_kind)
      lockstep->heap[k]->due = true_due(cluster, lockstep->heap[k]);
  if (lockstep->count > 0)
    qsort(lockstep->heap, lockstep->count, sizeof *lockstep->heap, compare_pending);
  size_t count = 0;
  for (size_t k = 0; k < lockstep->count; k++) {
    lockstep->heap[k]->place = k;
    if (lockstep->heap[k]->due == VLOT_NEVER && !lockstep->heap[k]->mail_kind) continue;
    if (count < capacity) pending[count] = describe(cluster, lockstep->heap[k]);
    count++;
  }
  for (size_t k = 0; k < lockstep->held_count; k++, count++)
    if (count < capacity) pending[count] = describe(cluster, lockstep->held[k]);
  return count;
}

static void hand_back(vlot_cluster *cluster, vlot__item *item, bool is_late) {
  vlot_piece piece = {.data = item->payload, .size = item->size};
  vlot_result result =
      is_late ? vlot__threads_post_later(cluster, item->from, item->node, item->mail_kind,
                                         item->due, &piece, 1)
              : vlot__threads_post(cluster, NULL, NULL, item->node, item->mail_kind, &piece, 1);
  if (result == VLOT_OK)
    free_item(cluster, item);
  else
    drop_mail(cluster, item, VLOT_WHY_NODE_DOWN);
}

/* Timers and writes are the clock's again, and mail of suspended nodes waits in their
 * mailboxes, before what comes later; what is held stays here until it is released in a later
 * pause.
 */
void vlot__lockstep_hand_back(vlot_cluster *cluster) {
  for (uint32_t k = 0; k < cluster->nodes; k++) {
    vlot__ring *parked = &cluster->slots[k].parked_mail;
    vlot__lockstep_forget(&cluster->slots[k]);
    for (; parked->count > 0; vlot__ring_pop_front(parked))
      hand_back(cluster, *(vlot__item **)vlot__ring_at(parked, 0), false);
  }
  while (cluster->lockstep.count > 0) {
    vlot__item *item = cluster->lockstep.heap[0];
    take_out(&cluster->lockstep, item);
    hand_back(cluster, item, item->due > vlot__now(cluster));
  }
}
