/* Links: what happens to a message between two members, and routing, which is a function run on the
 * sender's thread. A thread that relays every message would halve the throughput.
 */
#include "cluster/internal.h"

static size_t link_place(const vlot_cluster *cluster, uint32_t from, uint32_t to) {
  return (size_t)(from - 1) * cluster->nodes + (to - 1);
}

bool vlot__links_init(vlot_cluster *cluster) {
  vlot__links *links = &cluster->links;
  size_t count = (size_t)cluster->nodes * cluster->nodes;
  pthread_mutex_init(&links->lock, NULL);
  links->is_faulty = vlot__alloc_zero(cluster->allocator, count, sizeof *links->is_faulty);
  return links->is_faulty != NULL;
}

void vlot__links_deinit(vlot_cluster *cluster) {
  vlot__links *links = &cluster->links;
  size_t count = (size_t)cluster->nodes * cluster->nodes;
  if (links->profiles)
    for (size_t k = 0; k < count; k++) vlot__alloc_free(cluster->allocator, links->profiles[k]);
  vlot__alloc_free(cluster->allocator, links->profiles);
  vlot__alloc_free(cluster->allocator, links->streams);
  vlot__alloc_free(cluster->allocator, (void *)links->is_faulty);
  pthread_mutex_destroy(&links->lock);
}

/* The tables of faults are made when the first fault is set: most clusters never need them. */
static bool make_tables(vlot_cluster *cluster) {
  vlot__links *links = &cluster->links;
  size_t count = (size_t)cluster->nodes * cluster->nodes;
  if (!links->profiles)
    links->profiles = vlot__alloc_zero(cluster->allocator, count, sizeof *links->profiles);
  if (!links->profiles) return false;
  if (links->streams) return true;
  links->streams = vlot__alloc(cluster->allocator, count, sizeof *links->streams);
  if (!links->streams) return false;
  for (size_t k = 0; k < count; k++)
    vlot__prng_init(&links->streams[k], cluster->options.seed, (UINT64_C(1) << 40) + k);
  return true;
}

static bool is_clean(const vlot_link *link) {
  return !link->is_cut && !link->loss && !link->duplicate && !link->reorder &&
         !link->delay_ticks_max && !link->tail;
}

/* Room for a profile; control is held, so that it stays. */
static bool make_room(vlot_cluster *cluster, uint32_t from, uint32_t to) {
  vlot__links *links = &cluster->links;
  size_t place = link_place(cluster, from, to);
  pthread_mutex_lock(&links->lock);
  bool has_room = make_tables(cluster);
  if (has_room && !links->profiles[place])
    links->profiles[place] = vlot__alloc(cluster->allocator, 1, sizeof *links->profiles[place]);
  has_room = has_room && links->profiles[place] != NULL;
  pthread_mutex_unlock(&links->lock);
  return has_room;
}

static void set_one(vlot_cluster *cluster, uint32_t from, uint32_t to, const vlot_link *link) {
  vlot__links *links = &cluster->links;
  size_t place = link_place(cluster, from, to);
  pthread_mutex_lock(&links->lock);
  if (!is_clean(link)) *links->profiles[place] = *link;
  atomic_store(&links->is_faulty[place], !is_clean(link));
  pthread_mutex_unlock(&links->lock);
  if (cluster->journal) vlot__journal_link(cluster, from, to, link);
}

bool vlot__links_restore(vlot_cluster *cluster, uint32_t from, uint32_t to, const vlot_link *link) {
  if (!link) {
    for (size_t k = 0; k < (size_t)cluster->nodes * cluster->nodes; k++)
      atomic_store(&cluster->links.is_faulty[k], 0);
    return true;
  }
  if (!make_room(cluster, from, to)) return false;
  set_one(cluster, from, to, link);
  return true;
}

static bool is_valid(const vlot_link *link) {
  const uint32_t chances[] = {link->loss, link->duplicate, link->reorder, link->tail};
  for (size_t k = 0; k < sizeof chances / sizeof *chances; k++)
    if (chances[k] > 1000000) return false;
  return link->is_cut <= 1 && link->delay_ticks_min <= link->delay_ticks_max;
}

static void set_links(vlot_cluster *cluster, const uint32_t *first, const uint32_t *last,
                      const vlot_link *link) {
  vlot__count_command(cluster);
  for (uint32_t a = first[0]; a <= last[0]; a++)
    for (uint32_t b = first[1]; b <= last[1]; b++) {
      if (a == b) continue;
      set_one(cluster, a, b, link);
      if (link->is_cut && !link->kinds && cluster->is_lockstep)
        vlot__lockstep_cut(cluster, a, b, VLOT_WHY_LINK_CUT);
    }
}

vlot_result vlot_cluster_set_link(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                  const vlot_link *link) {
  if (!is_valid(link)) return VLOT_INVALID;
  if (cluster->replay) return VLOT_UNSUPPORTED;
  if (from > cluster->nodes || to > cluster->nodes) return VLOT_NOT_FOUND;
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) return result;
  uint32_t first[2] = {from ? from : 1, to ? to : 1},
           last[2] = {from ? from : cluster->nodes, to ? to : cluster->nodes};
  for (uint32_t a = first[0]; a <= last[0] && !is_clean(link) && result == VLOT_OK; a++)
    for (uint32_t b = first[1]; b <= last[1] && result == VLOT_OK; b++)
      if (a != b && !make_room(cluster, a, b)) result = VLOT_NOMEM;
  if (result == VLOT_OK) set_links(cluster, first, last, link);
  if (result == VLOT_OK)
    vlot__emit_change(cluster, NULL, VLOT_EVENT_FAULT,
                      is_clean(link) ? VLOT_WHY_HEALED : VLOT_WHY_LINK_FAULT, to, from,
                      link->is_cut, 0);
  vlot__control_end(cluster);
  return result;
}

vlot_result vlot_cluster_get_link(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                  vlot_link *link) {
  *link = (vlot_link){0};
  if (!vlot__slot_of(cluster, from) || !vlot__slot_of(cluster, to) || from == to)
    return VLOT_NOT_FOUND;
  size_t place = link_place(cluster, from, to);
  pthread_mutex_lock(&cluster->links.lock);
  if (atomic_load(&cluster->links.is_faulty[place])) *link = *cluster->links.profiles[place];
  pthread_mutex_unlock(&cluster->links.lock);
  return VLOT_OK;
}

static bool are_apart(const vlot_cluster *cluster, uint32_t a, uint32_t b) {
  return vlot__slot_of(cluster, a)->side != vlot__slot_of(cluster, b)->side;
}

static vlot_result take_sides(vlot_cluster *cluster, const uint32_t *ids, size_t count) {
  uint32_t side = 1;
  for (uint32_t k = 0; k < cluster->nodes; k++) cluster->slots[k].side = 0;
  for (size_t k = 0; k < count; k++) {
    vlot__slot *slot = vlot__slot_of(cluster, ids[k]);
    side += ids[k] == 0;
    if (ids[k] == 0) continue;
    if (!slot) return VLOT_NOT_FOUND;
    if (slot->side != 0) return VLOT_INVALID;
    slot->side = side;
  }
  return VLOT_OK;
}

static void cut_between(vlot_cluster *cluster) {
  vlot__count_command(cluster);
  for (uint32_t a = 1; a <= cluster->nodes; a++)
    for (uint32_t b = 1; b <= cluster->nodes; b++) {
      if (!are_apart(cluster, a, b)) continue;
      set_one(cluster, a, b, &(vlot_link){.is_cut = 1});
      if (cluster->is_lockstep) vlot__lockstep_cut(cluster, a, b, VLOT_WHY_PARTITION);
    }
  vlot__emit_change(cluster, NULL, VLOT_EVENT_FAULT, VLOT_WHY_PARTITION, 0, 0, 0, 0);
}

vlot_result vlot_cluster_partition(vlot_cluster *cluster, const uint32_t *ids, size_t count) {
  if (cluster->replay) return VLOT_UNSUPPORTED;
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) return result;
  result = take_sides(cluster, ids, count);
  for (uint32_t a = 1; a <= cluster->nodes && result == VLOT_OK; a++)
    for (uint32_t b = 1; b <= cluster->nodes && result == VLOT_OK; b++)
      if (are_apart(cluster, a, b) && !make_room(cluster, a, b)) result = VLOT_NOMEM;
  if (result == VLOT_OK) cut_between(cluster);
  vlot__control_end(cluster);
  return result;
}

vlot_result vlot_cluster_heal(vlot_cluster *cluster) {
  size_t count = (size_t)cluster->nodes * cluster->nodes;
  if (cluster->replay) return VLOT_UNSUPPORTED;
  vlot_result result = vlot__control_take(cluster);
  if (result != VLOT_OK) return result;
  vlot__count_command(cluster);
  for (size_t k = 0; k < count; k++) atomic_store(&cluster->links.is_faulty[k], 0);
  if (cluster->journal) vlot__journal_link(cluster, 0, 0, &(vlot_link){0});
  vlot__emit_change(cluster, NULL, VLOT_EVENT_FAULT, VLOT_WHY_HEALED, 0, 0, 0, 0);
  vlot__control_end(cluster);
  return VLOT_OK;
}

/* One draw per statement: the order of draws is the program's, not the compiler's. A client's call
 * that is forwarded is not duplicated: it would be carried out twice, and a copy that is lost would
 * be answered as if it were the only one.
 */
static void draw_fate(vlot__prng *prng, const vlot_link *link, bool may_duplicate,
                      vlot__fate *fate) {
  if (link->is_cut) {
    *fate = (vlot__fate){.why = VLOT_WHY_LINK_CUT};
    return;
  }
  if (vlot__prng_chance(prng, link->loss)) {
    *fate = (vlot__fate){.why = VLOT_WHY_LINK_LOSS};
    return;
  }
  if (vlot__prng_chance(prng, link->duplicate) && may_duplicate) {
    fate->copies = 2;
    fate->why = VLOT_WHY_LINK_DUPLICATE;
  }
  for (uint32_t k = 0; k < fate->copies; k++) {
    fate->delay[k] = vlot__prng_between(prng, link->delay_ticks_min, link->delay_ticks_max);
    if (vlot__prng_chance(prng, link->tail))
      fate->delay[k] += vlot__prng_between(prng, 0, link->tail_ticks);
    if (vlot__prng_chance(prng, link->reorder)) {
      fate->may_overtake = true;
      fate->delay[k] += vlot__prng_between(prng, 0, link->reorder_ticks);
    }
  }
}

vlot__fate vlot__links_fate(vlot_cluster *cluster, uint32_t from, uint32_t to,
                            uint32_t message_kind) {
  vlot__links *links = &cluster->links;
  vlot__fate fate = {.copies = 1};
  size_t place = link_place(cluster, from, to);
  pthread_mutex_lock(&links->lock);
  if (atomic_load(&links->is_faulty[place])) {
    const vlot_link *link = links->profiles[place];
    if (link->kinds == 0 || (link->kinds & (UINT32_C(1) << message_kind)))
      draw_fate(&links->streams[place], link, message_kind != 0, &fate);
  }
  pthread_mutex_unlock(&links->lock);
  return fate;
}

/* --- routing --- */

static void drop(vlot_cluster *cluster, vlot__slot *from, uint32_t to, uint32_t kind, vlot_why why,
                 void *payload) {
  vlot__mail_message *mail = payload;
  if (kind == VLOT__MAIL_MESSAGE) {
    vlot__emit_message(cluster, from, VLOT_EVENT_DROPPED, why, mail->head.id, &mail->message);
  } else {
    vlot_event *event = vlot__event_begin(cluster, from, VLOT_EVENT_DROPPED, why, to);
    event->message = mail->head.id;
    vlot__emit(cluster, from, event);
  }
}

/* Payload references of pieces that are not one block: a message's slices lie in the second one. */
static void for_slices(uint32_t kind, const vlot_piece *pieces, size_t count,
                       void (*each)(vlot_batch *batch)) {
  if (kind != VLOT__MAIL_MESSAGE || count < 2) return;
  const vlot_slice *slices = pieces[1].data;
  for (size_t k = 0; k < pieces[1].size / sizeof *slices; k++) each(slices[k].batch);
}

static void retain_batch(vlot_batch *batch) { vlot_batch_retain(batch); }

static void retain_pieces(uint32_t kind, const vlot_piece *pieces, size_t count) {
  if (kind == VLOT__MAIL_MESSAGE)
    for_slices(kind, pieces, count, retain_batch);
  else
    vlot__mail_retain(kind, (void *)(uintptr_t)pieces[0].data);
}

static void release_pieces(uint32_t kind, const vlot_piece *pieces, size_t count) {
  if (kind == VLOT__MAIL_MESSAGE)
    for_slices(kind, pieces, count, vlot_batch_release);
  else
    vlot__mail_dispose(kind, (void *)(uintptr_t)pieces[0].data);
}

static vlot_result post_mail(vlot_cluster *cluster, vlot__slot *from, vlot__contact *contact,
                             uint32_t to, uint32_t kind, uint32_t message_kind, uint64_t delay,
                             bool may_overtake, const vlot_piece *pieces, size_t count) {
  uint32_t sender = from ? from->id : 0;
  uint64_t due = vlot__now(cluster) + delay;
  if (from ? cluster->is_lockstep : vlot__drives(cluster))
    return vlot__lockstep_post(cluster, sender, to, kind, message_kind, due, may_overtake, pieces,
                               count);
  /* what left earlier on the same link and is slow must not be overtaken, unless the link
   * reorders */
  if (from && !may_overtake &&
      (delay > 0 ||
       vlot__now(cluster) < atomic_load_explicit(&cluster->slow_until, memory_order_relaxed)))
    due = vlot__threads_arrival(cluster, sender, to, due);
  if (due > vlot__now(cluster))
    return vlot__threads_post_later(cluster, sender, to, kind, due, pieces, count);
  return vlot__threads_post(cluster, from, contact, to, kind, pieces, count);
}

static vlot_why why_of(vlot_result result) {
  return result == VLOT_BUSY    ? VLOT_WHY_MAILBOX_FULL
         : result == VLOT_NOMEM ? VLOT_WHY_NO_MEMORY
                                : VLOT_WHY_NODE_DOWN;
}

vlot_result vlot__route(vlot_cluster *cluster, vlot__slot *from, vlot__contact *contact,
                        uint32_t to, uint32_t kind, uint32_t message_kind, vlot_piece *pieces,
                        size_t count) {
  vlot__mail_head *head = (void *)(uintptr_t)pieces[0].data;
  vlot__mail_message *mail = (void *)(uintptr_t)pieces[0].data;
  vlot__fate fate = {.copies = 1};
  head->id = vlot__new_id(cluster, from);
  if (from && cluster->journal) vlot__tape_commit(from);
  head->lamport = head->cause = 0;
  if (from) {
    if (kind == VLOT__MAIL_MESSAGE)
      head->cause = vlot__emit_message(cluster, from, VLOT_EVENT_SENT, VLOT_WHY_NONE, head->id,
                                       &mail->message);
    else
      head->cause = from->cause;
    head->lamport = from->lamport;
    size_t place = link_place(cluster, from->id, to);
    if (cluster->replay)
      vlot__replay_fate(from, &fate);
    else if (atomic_load_explicit(&cluster->links.is_faulty[place], memory_order_relaxed))
      fate = vlot__links_fate(cluster, from->id, to, message_kind);
  }
  if (fate.copies == 0) {
    if (cluster->journal) vlot__tape_route(from, &fate);
    drop(cluster, from, to, kind, fate.why, head);
    release_pieces(kind, pieces, count);
    return VLOT_OK;
  }
  vlot_result result = VLOT_OK;
  for (uint32_t k = 0; k < fate.copies; k++) {
    if (k + 1 < fate.copies) retain_pieces(kind, pieces, count);
    if (k > 0) {
      head->id = vlot__new_id(cluster, from);
      if (kind == VLOT__MAIL_MESSAGE)
        vlot__emit_message(cluster, from, VLOT_EVENT_SENT, VLOT_WHY_LINK_DUPLICATE, head->id,
                           &mail->message);
    }
    result = fate.results[k]; /* only a replay knows */
    if (result == VLOT_OK)
      result = post_mail(cluster, from, contact, to, kind, message_kind, fate.delay[k],
                         fate.may_overtake, pieces, count);
    fate.results[k] = result;
    if (result == VLOT_OK) continue;
    if (from) drop(cluster, from, to, kind, why_of(result), head);
    release_pieces(kind, pieces, count);
  }
  if (from && cluster->journal) vlot__tape_route(from, &fate);
  /* whoever sent it for a client can tell the client */
  return kind == VLOT__MAIL_MESSAGE ? VLOT_OK : result;
}
