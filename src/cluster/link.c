/* Links: what happens to a message between two members, and routing, which is a function run on the
 * sender's thread. A thread that relays every message would halve the throughput.
 */
#include "cluster/link.h"

#include "base/assert.h"
#include "base/lock.h"
#include "cluster/by_id.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/observe.h"
#include "cluster/pending.h"
#include "cluster/recorder.h"
#include "cluster/refuse.h"
#include "vlot/raft_snapshot.h"

static bool is_clean(const vlot_link *link) {
  return !link->is_cut && !link->loss && !link->duplicate && !link->reorder &&
         !link->delay_ticks_max && !link->tail;
}

/* A link that has, or had, a fault profile; NULL: it never had one. Under links_lock. */
static vlot__link *find_link(const vlot__seat *from, uint32_t to) {
  size_t place = vlot__by_id_find(from->links, from->link_count, sizeof *from->links, to);
  return place == SIZE_MAX ? NULL : &from->links[place];
}

/* Its chances depend on the seed and on its ends, and on nobody else's links. */
static void init_link(vlot__seat *from, vlot__link *link) {
  uint64_t ends = (uint64_t)from->id << 16 | link->to;
  vlot__prng_init(&link->stream, from->cluster->options.seed, (UINT64_C(1) << 40) + ends);
}

/* Room for a profile; control is held, so that it stays. */
static bool make_room(vlot__seat *from, uint32_t to) {
  vlot_cluster *cluster = from->cluster;
  vlot__lock(&cluster->links_lock);
  bool has_room = find_link(from, to) != NULL;
  if (!has_room) {
    void *links = from->links;
    size_t place = vlot__by_id_enter(cluster->allocator, &links, &from->link_count,
                                     &from->link_capacity, sizeof *from->links, to);
    from->links = links;
    has_room = place != SIZE_MAX;
    if (has_room) init_link(from, &from->links[place]);
  }
  vlot__unlock(&cluster->links_lock);
  return has_room;
}

/* Room must have been made for a profile that is not clean. */
static void set_one(vlot__seat *from, uint32_t to, const vlot_link *profile) {
  vlot_cluster *cluster = from->cluster;
  vlot__lock(&cluster->links_lock);
  vlot__link *link = find_link(from, to);
  if (link) {
    bool was = link->is_faulty;
    link->is_faulty = !is_clean(profile);
    if (link->is_faulty) link->profile = *profile;
    if (link->is_faulty && !was) atomic_fetch_add(&from->faulty_links, 1);
    if (!link->is_faulty && was) atomic_fetch_sub(&from->faulty_links, 1);
  }
  vlot__unlock(&cluster->links_lock);
  VLOT__RECORD(cluster, link, cluster, from->id, to, profile);
}

static void clean_all(vlot_cluster *cluster) {
  vlot__seat *seat;
  vlot__lock(&cluster->links_lock);
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    for (size_t k = 0; k < seat->link_count; k++) seat->links[k].is_faulty = false;
    atomic_store(&seat->faulty_links, 0);
  }
  vlot__unlock(&cluster->links_lock);
}

bool vlot__links_restore(vlot_cluster *cluster, uint32_t from, uint32_t to, const vlot_link *link) {
  if (!link) {
    clean_all(cluster);
    return true;
  }
  vlot__seat *seat = vlot__seat_of(cluster, from);
  if (!seat || !vlot__seat_of(cluster, to) || to == from) return true;
  if (!make_room(seat, to)) return false;
  set_one(seat, to, link);
  return true;
}

static bool is_valid(const vlot_link *link) {
  const uint32_t chances[] = {link->loss, link->duplicate, link->reorder, link->tail};
  for (size_t k = 0; k < sizeof chances / sizeof *chances; k++)
    if (chances[k] > 1000000) return false;
  return link->is_cut <= 1 && link->delay_ticks_min <= link->delay_ticks_max;
}

/* Two ends of a call: 0 is everybody. */
static bool is_meant(uint32_t wanted, const vlot__seat *seat) {
  return wanted == 0 || wanted == seat->id;
}

static void set_links(vlot_cluster *cluster, uint32_t from, uint32_t to, const vlot_link *link) {
  vlot__seat *a, *b;
  vlot__count_command(cluster);
  VLOT__FOR_EACH_SEAT (a, cluster) {
    VLOT__FOR_EACH_SEAT (b, cluster) {
      if (a == b || !is_meant(from, a) || !is_meant(to, b)) continue;
      set_one(a, b->id, link);
      if (link->is_cut && !link->kinds) vlot__pending_cut(cluster, a->id, b->id, VLOT_WHY_LINK_CUT);
    }
  }
}

static bool make_room_for(vlot_cluster *cluster, uint32_t from, uint32_t to) {
  vlot__seat *a, *b;
  VLOT__FOR_EACH_SEAT (a, cluster) {
    VLOT__FOR_EACH_SEAT (b, cluster) {
      if (a != b && is_meant(from, a) && is_meant(to, b) && !make_room(a, b->id)) return false;
    }
  }
  return true;
}

static vlot_result refuse_link(const vlot_link *link) {
  enum { MILLION = 1000000 };
  if (link->loss > MILLION)
    return vlot__refuse_value(VLOT_INVALID, "loss {0}: at most {1}, in millionths", link->loss,
                              MILLION);
  if (link->duplicate > MILLION)
    return vlot__refuse_value(VLOT_INVALID, "duplicate {0}: at most {1}, in millionths",
                              link->duplicate, MILLION);
  if (link->reorder > MILLION)
    return vlot__refuse_value(VLOT_INVALID, "reorder {0}: at most {1}, in millionths",
                              link->reorder, MILLION);
  if (link->tail > MILLION)
    return vlot__refuse_value(VLOT_INVALID, "tail {0}: at most {1}, in millionths", link->tail,
                              MILLION);
  if (link->is_cut > 1)
    return vlot__refuse_value(VLOT_INVALID, "is_cut {0}: 0 or 1", link->is_cut, 0);
  return vlot__refuse_value(VLOT_INVALID, "delay_ticks_min {0} is above delay_ticks_max {1}",
                            link->delay_ticks_min, link->delay_ticks_max);
}

vlot_result vlot_cluster_set_link(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                  const vlot_link *link) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(link);
  VLOT__VISIT_RESULT(cluster);
  if (!is_valid(link)) return refuse_link(link);
  if (from != 0 && !vlot__seat_of(cluster, from)) return vlot__refuse_member(from);
  if (to != 0 && !vlot__seat_of(cluster, to)) return vlot__refuse_member(to);
  vlot_result result = vlot__control_take_to_change(cluster);
  if (result != VLOT_OK) return result;
  if (!is_clean(link) && !make_room_for(cluster, from, to)) result = VLOT_NOMEM;
  if (result == VLOT_OK) {
    set_links(cluster, from, to, link);
    vlot__emit_change(cluster, NULL, VLOT_EVENT_FAULT,
                      is_clean(link) ? VLOT_WHY_HEALED : VLOT_WHY_LINK_FAULT, to, from,
                      link->is_cut, 0);
  }
  vlot__control_end(cluster);
  return result;
}

vlot_result vlot_cluster_get_link(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                  vlot_link *link) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(link);
  *link = (vlot_link){0};
  VLOT__VISIT_RESULT(cluster);
  if (!vlot__seat_of(cluster, from)) return vlot__refuse_member(from);
  if (!vlot__seat_of(cluster, to)) return vlot__refuse_member(to);
  if (from == to)
    return vlot__refuse_value(VLOT_NOT_FOUND, "member {0} has no link to itself", from, 0);
  vlot__lock(&cluster->links_lock);
  const vlot__link *found = find_link(vlot__seat_of(cluster, from), to);
  if (found && found->is_faulty) *link = found->profile;
  vlot__unlock(&cluster->links_lock);
  return VLOT_OK;
}

static vlot_result take_sides(vlot_cluster *cluster, const uint32_t *ids, size_t count) {
  uint32_t side = 1;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) seat->side = 0;
  for (size_t k = 0; k < count; k++) {
    side += ids[k] == 0;
    if (ids[k] == 0) continue;
    seat = vlot__seat_of(cluster, ids[k]);
    if (!seat) return vlot__refuse_member(ids[k]);
    if (seat->side != 0)
      return vlot__refuse_value(VLOT_INVALID, "member {0} is named twice", ids[k], 0);
    seat->side = side;
  }
  return VLOT_OK;
}

static void cut_between(vlot_cluster *cluster) {
  vlot__seat *a, *b;
  vlot__count_command(cluster);
  VLOT__FOR_EACH_SEAT (a, cluster) {
    VLOT__FOR_EACH_SEAT (b, cluster) {
      if (a->side == b->side) continue;
      set_one(a, b->id, &(vlot_link){.is_cut = 1});
      vlot__pending_cut(cluster, a->id, b->id, VLOT_WHY_PARTITION);
    }
  }
  vlot__emit_change(cluster, NULL, VLOT_EVENT_FAULT, VLOT_WHY_PARTITION, 0, 0, 0, 0);
}

static bool make_room_between(vlot_cluster *cluster) {
  vlot__seat *a, *b;
  VLOT__FOR_EACH_SEAT (a, cluster) {
    VLOT__FOR_EACH_SEAT (b, cluster) {
      if (a->side != b->side && !make_room(a, b->id)) return false;
    }
  }
  return true;
}

vlot_result vlot_cluster_partition(vlot_cluster *cluster, const uint32_t *ids, size_t count) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot_result result = vlot__control_take_to_change(cluster);
  if (result != VLOT_OK) return result;
  result = take_sides(cluster, ids, count);
  if (result == VLOT_OK && !make_room_between(cluster)) result = VLOT_NOMEM;
  if (result == VLOT_OK) cut_between(cluster);
  vlot__control_end(cluster);
  return result;
}

vlot_result vlot_cluster_heal(vlot_cluster *cluster) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot_result result = vlot__control_take_to_change(cluster);
  if (result != VLOT_OK) return result;
  vlot__count_command(cluster);
  clean_all(cluster);
  VLOT__RECORD(cluster, link, cluster, 0, 0, &(vlot_link){0});
  vlot__emit_change(cluster, NULL, VLOT_EVENT_FAULT, VLOT_WHY_HEALED, 0, 0, 0, 0);
  vlot__control_end(cluster);
  return VLOT_OK;
}

/* One draw per statement: the order of draws is the program's, not the compiler's. */
static void draw_fate(vlot__prng *prng, const vlot_link *link, vlot__fate *fate) {
  if (link->is_cut) {
    *fate = (vlot__fate){.why = VLOT_WHY_LINK_CUT};
    return;
  }
  if (vlot__prng_chance(prng, link->loss)) {
    *fate = (vlot__fate){.why = VLOT_WHY_LINK_LOSS};
    return;
  }
  if (vlot__prng_chance(prng, link->duplicate)) {
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

vlot__fate vlot__links_fate(vlot__seat *from, uint32_t to, uint32_t message_kind) {
  vlot_cluster *cluster = from->cluster;
  vlot__fate fate = {.copies = 1};
  vlot__lock(&cluster->links_lock);
  vlot__link *link = find_link(from, to);
  bool is_touched =
      link && link->is_faulty &&
      (link->profile.kinds == 0 || (link->profile.kinds & (UINT32_C(1) << message_kind)));
  if (is_touched) draw_fate(&link->stream, &link->profile, &fate);
  vlot__unlock(&cluster->links_lock);
  return fate;
}

/* --- routing --- */

static void drop(vlot_cluster *cluster, const vlot__parcel *parcel, vlot_why why) {
  vlot__emit_dropped(cluster, parcel->sender, why, parcel->to, parcel->kind, parcel->head);
}

/* Of a chunk; NULL. */
static vlot_snapshot *snapshot_of(const vlot__parcel *parcel) {
  const vlot_message *message = &((const vlot__mail_message *)(const void *)parcel->head)->message;
  return message->kind == VLOT_MESSAGE_INSTALL ? message->as.install.snapshot : NULL;
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
  (void)vlot_snapshot_retain(snapshot_of(parcel));
}

static void release_parcel(const vlot__parcel *parcel) {
  if (parcel->kind != VLOT__MAIL_MESSAGE) {
    vlot__mail_dispose(parcel->kind, parcel->head);
    return;
  }
  const vlot_slice *slices = parcel->pieces[1].data;
  for (size_t k = 0; k < parcel->pieces[1].size / sizeof *slices; k++)
    vlot_batch_release(slices[k].batch);
  vlot_snapshot_release(snapshot_of(parcel));
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
    parcel->head->cause = vlot__emit_message(cluster, seat, VLOT_EVENT_SENT, parcel->why,
                                             parcel->head, &mail->message);
  else
    parcel->head->cause = seat->cause;
  parcel->head->lamport = seat->lamport;
  parcel->from = seat->id;
  if (cluster->recorder && cluster->recorder->fate)
    cluster->recorder->fate(seat, &fate);
  else if (atomic_load_explicit(&seat->faulty_links, memory_order_relaxed) > 0)
    fate = vlot__links_fate(seat, parcel->to, parcel->message_kind);
  return fate;
}

/* A copy under an id of its own; that of a Raft message has an event, which follows from the
 * first one. */
static void number_copy(vlot_cluster *cluster, const vlot__parcel *parcel) {
  const vlot__mail_message *mail = (const void *)parcel->head;
  parcel->head->id = vlot__new_id(cluster, parcel->sender);
  if (parcel->kind == VLOT__MAIL_MESSAGE)
    parcel->head->cause = vlot__emit_message(cluster, parcel->sender, VLOT_EVENT_SENT,
                                             VLOT_WHY_LINK_DUPLICATE, parcel->head, &mail->message);
  if (parcel->sender) parcel->head->lamport = parcel->sender->lamport;
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
