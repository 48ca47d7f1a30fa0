/* Links: what happens to a message between two members, and routing, which is a function run on the
 * sender's thread. A thread that relays every message would halve the throughput.
 */
#include "cluster/link.h"

#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/observe.h"
#include "cluster/pending.h"
#include "cluster/recorder.h"

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
  VLOT__RECORD(cluster, link, cluster, from, to, link);
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
      if (link->is_cut && !link->kinds) vlot__pending_cut(cluster, a, b, VLOT_WHY_LINK_CUT);
    }
}

vlot_result vlot_cluster_set_link(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                  const vlot_link *link) {
  if (!is_valid(link)) return VLOT_INVALID;
  if (from > cluster->nodes || to > cluster->nodes) return VLOT_NOT_FOUND;
  vlot_result result = vlot__control_take_to_change(cluster);
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
  if (!vlot__seat_of(cluster, from) || !vlot__seat_of(cluster, to) || from == to)
    return VLOT_NOT_FOUND;
  size_t place = link_place(cluster, from, to);
  pthread_mutex_lock(&cluster->links.lock);
  if (atomic_load(&cluster->links.is_faulty[place])) *link = *cluster->links.profiles[place];
  pthread_mutex_unlock(&cluster->links.lock);
  return VLOT_OK;
}

static bool are_apart(const vlot_cluster *cluster, uint32_t a, uint32_t b) {
  return vlot__seat_of(cluster, a)->side != vlot__seat_of(cluster, b)->side;
}

static vlot_result take_sides(vlot_cluster *cluster, const uint32_t *ids, size_t count) {
  uint32_t side = 1;
  for (uint32_t k = 0; k < cluster->nodes; k++) cluster->seats[k].side = 0;
  for (size_t k = 0; k < count; k++) {
    vlot__seat *seat = vlot__seat_of(cluster, ids[k]);
    side += ids[k] == 0;
    if (ids[k] == 0) continue;
    if (!seat) return VLOT_NOT_FOUND;
    if (seat->side != 0) return VLOT_INVALID;
    seat->side = side;
  }
  return VLOT_OK;
}

static void cut_between(vlot_cluster *cluster) {
  vlot__count_command(cluster);
  for (uint32_t a = 1; a <= cluster->nodes; a++)
    for (uint32_t b = 1; b <= cluster->nodes; b++) {
      if (!are_apart(cluster, a, b)) continue;
      set_one(cluster, a, b, &(vlot_link){.is_cut = 1});
      vlot__pending_cut(cluster, a, b, VLOT_WHY_PARTITION);
    }
  vlot__emit_change(cluster, NULL, VLOT_EVENT_FAULT, VLOT_WHY_PARTITION, 0, 0, 0, 0);
}

vlot_result vlot_cluster_partition(vlot_cluster *cluster, const uint32_t *ids, size_t count) {
  vlot_result result = vlot__control_take_to_change(cluster);
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
  vlot_result result = vlot__control_take_to_change(cluster);
  if (result != VLOT_OK) return result;
  vlot__count_command(cluster);
  for (size_t k = 0; k < count; k++) atomic_store(&cluster->links.is_faulty[k], 0);
  VLOT__RECORD(cluster, link, cluster, 0, 0, &(vlot_link){0});
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

static void drop(vlot_cluster *cluster, const vlot__parcel *parcel, vlot_why why) {
  const vlot__mail_message *mail = (const void *)parcel->head;
  if (parcel->kind == VLOT__MAIL_MESSAGE) {
    vlot__emit_message(cluster, parcel->sender, VLOT_EVENT_DROPPED, why, mail->head.id,
                       &mail->message);
  } else {
    vlot_event *event =
        vlot__event_begin(cluster, parcel->sender, VLOT_EVENT_DROPPED, why, parcel->to);
    event->message = parcel->head->id;
    vlot__emit(cluster, parcel->sender, event);
  }
}

/* The references of a parcel: a message's slices lie in the second piece, not behind the first. */
static void retain_parcel(const vlot__parcel *parcel) {
  if (parcel->kind != VLOT__MAIL_MESSAGE) {
    vlot__mail_retain(parcel->kind, parcel->head);
    return;
  }
  const vlot_slice *slices = parcel->pieces[1].data;
  for (size_t k = 0; k < parcel->pieces[1].size / sizeof *slices; k++)
    (void)vlot_batch_retain(slices[k].batch);
}

static void release_parcel(const vlot__parcel *parcel) {
  if (parcel->kind != VLOT__MAIL_MESSAGE) {
    vlot__mail_dispose(parcel->kind, parcel->head);
    return;
  }
  const vlot_slice *slices = parcel->pieces[1].data;
  for (size_t k = 0; k < parcel->pieces[1].size / sizeof *slices; k++)
    vlot_batch_release(slices[k].batch);
}

static vlot_why why_of(vlot_result result) {
  return result == VLOT_BUSY    ? VLOT_WHY_MAILBOX_FULL
         : result == VLOT_NOMEM ? VLOT_WHY_NO_MEMORY
                                : VLOT_WHY_NODE_DOWN;
}

/* What a turn sends gets its event and its time; returns what becomes of it on the link. */
static vlot__fate begin_sending(vlot_cluster *cluster, vlot__parcel *parcel) {
  vlot__seat *seat = parcel->sender;
  vlot__fate fate = {.copies = 1};
  const vlot__mail_message *mail = (const void *)parcel->head;
  if (parcel->kind == VLOT__MAIL_MESSAGE)
    parcel->head->cause = vlot__emit_message(cluster, seat, VLOT_EVENT_SENT, VLOT_WHY_NONE,
                                             parcel->head->id, &mail->message);
  else
    parcel->head->cause = seat->cause;
  parcel->head->lamport = seat->lamport;
  parcel->from = seat->id;
  size_t place = link_place(cluster, seat->id, parcel->to);
  if (cluster->recorder && cluster->recorder->fate)
    cluster->recorder->fate(seat, &fate);
  else if (atomic_load_explicit(&cluster->links.is_faulty[place], memory_order_relaxed))
    fate = vlot__links_fate(cluster, seat->id, parcel->to, parcel->message_kind);
  return fate;
}

/* A copy under an id of its own, with its event: what a link duplicates is a Raft message (a
 * journal may say anything). */
static void number_copy(vlot_cluster *cluster, const vlot__parcel *parcel) {
  const vlot__mail_message *mail = (const void *)parcel->head;
  parcel->head->id = vlot__new_id(cluster, parcel->sender);
  if (parcel->kind == VLOT__MAIL_MESSAGE)
    vlot__emit_message(cluster, parcel->sender, VLOT_EVENT_SENT, VLOT_WHY_LINK_DUPLICATE,
                       parcel->head->id, &mail->message);
}

/* Each copy has references of its own; those of copies that nobody takes are given back. When
 * nobody takes any, the last copy's are left: they are the caller's, as before. */
static vlot_result post_copies(vlot_cluster *cluster, vlot__parcel *parcel, vlot__fate *fate) {
  vlot_result result = VLOT_OK;
  uint64_t now = vlot__now(cluster);
  uint32_t refused = 0;
  for (uint32_t k = 1; k < fate->copies; k++) retain_parcel(parcel);
  for (uint32_t k = 0; k < fate->copies; k++) {
    if (k > 0) number_copy(cluster, parcel);
    parcel->due = now + fate->delay[k];
    vlot_result posted = fate->results[k]; /* only a replay knows */
    if (posted == VLOT_OK) posted = vlot__driver_of(cluster)->post(cluster, parcel);
    fate->results[k] = posted;
    if (posted == VLOT_OK) continue;
    if (parcel->sender) drop(cluster, parcel, why_of(posted));
    if (++refused < fate->copies)
      release_parcel(parcel);
    else
      result = posted;
  }
  return result;
}

vlot_result vlot__route(vlot_cluster *cluster, vlot__parcel *parcel) {
  vlot__seat *seat = parcel->sender;
  vlot__fate fate = {.copies = 1};
  vlot_result result = VLOT_OK;
  parcel->head->id = vlot__new_id(cluster, seat);
  parcel->head->lamport = parcel->head->cause = 0;
  if (seat) {
    VLOT__RECORD(cluster, sending, seat);
    fate = begin_sending(cluster, parcel);
  }
  parcel->may_overtake = fate.may_overtake;
  if (fate.copies == 0) {
    drop(cluster, parcel, fate.why);
    release_parcel(parcel);
  } else {
    result = post_copies(cluster, parcel, &fate);
  }
  if (seat) VLOT__RECORD(cluster, sent, seat, &fate);
  return result;
}
