#include "cluster/inbox.h"

#include <string.h>

#include "base/lock.h"
#include "cluster/change.h"
#include "cluster/door.h"

struct vlot__inbox {
  vlot_cluster *cluster; /* a reference to its struct */
  /* its client's, and those of nodes that are putting an answer in */
  _Atomic uint32_t references;
  uint32_t number;
  bool is_muted;
  vlot__inbox *next; /* in its bucket; under clients_lock */
  _Atomic bool is_interrupted;
  _Atomic bool has_some; /* written under the lock */

  /* under lock */
  pthread_mutex_t lock;
  pthread_cond_t arrived;
  vlot__answers incoming;
  bool is_waiting;
  bool is_due; /* the clock says: look at your deadlines */

  /* under waiting_lock */
  vlot__inbox *next_waiting, **waiting_link; /* waiting_link NULL: not in the list */
  uint64_t deadline;
};

uint8_t *vlot__answers_reserve(vlot__answers *answers, const vlot_allocator *allocator,
                               size_t more) {
  void *bytes = answers->bytes;
  bool has_room = vlot__alloc_grow(allocator, &bytes, &answers->capacity, answers->size + more, 1);
  answers->bytes = bytes;
  return has_room ? answers->bytes + answers->size : NULL;
}

/* --- those that are open, by number --- */

/* Numbers are given in a row, and those that are open are about as many as buckets. Under
 * clients_lock, all of this. */
static vlot__inbox **bucket_of(vlot_cluster *cluster, uint32_t number) {
  return &cluster->inboxes[number & (cluster->inbox_buckets - 1)];
}

static void put_in_bucket(vlot_cluster *cluster, vlot__inbox *inbox) {
  vlot__inbox **bucket = bucket_of(cluster, inbox->number);
  inbox->next = *bucket;
  *bucket = inbox;
}

static bool reserve_buckets(vlot_cluster *cluster) {
  size_t before = cluster->inbox_buckets, count = before > 0 ? 2 * before : 8;
  if (cluster->client_count < before) return true;
  vlot__inbox **old = cluster->inboxes;
  vlot__inbox **buckets = vlot__alloc_zero(cluster->allocator, count, sizeof *buckets);
  if (!buckets) return false;
  cluster->inboxes = buckets;
  cluster->inbox_buckets = count;
  for (size_t k = 0; k < before; k++)
    for (vlot__inbox *one = old[k], *next; one; one = next) {
      next = one->next;
      put_in_bucket(cluster, one);
    }
  vlot__alloc_free(cluster->allocator, old);
  return true;
}

static vlot_result enter_inbox(vlot_cluster *cluster, vlot__inbox *inbox) {
  bool is_full = cluster->client_count >= VLOT_CLIENTS_MAX || cluster->client_numbers == UINT32_MAX;
  if (is_full) return VLOT_BUSY;
  if (!reserve_buckets(cluster)) return VLOT_NOMEM;
  inbox->number = ++cluster->client_numbers;
  put_in_bucket(cluster, inbox);
  cluster->client_count++;
  return VLOT_OK;
}

/* Where it is linked; NULL: it is not open. */
static vlot__inbox **find_link(vlot_cluster *cluster, uint32_t number) {
  if (cluster->inbox_buckets == 0) return NULL;
  vlot__inbox **link = bucket_of(cluster, number);
  while (*link && (*link)->number != number) link = &(*link)->next;
  return *link ? link : NULL;
}

/* --- opening and closing --- */

static void free_inbox(vlot__inbox *inbox) {
  vlot_cluster *cluster = inbox->cluster;
  pthread_mutex_destroy(&inbox->lock);
  pthread_cond_destroy(&inbox->arrived);
  vlot__alloc_free(cluster->allocator, inbox->incoming.bytes);
  vlot__alloc_free(cluster->allocator, inbox);
  vlot__cluster_release(cluster);
}

vlot_result vlot__inbox_open(vlot__inbox **out, vlot_cluster *cluster, bool is_muted) {
  vlot__inbox *inbox = vlot__alloc_zero(cluster->allocator, 1, sizeof *inbox);
  *out = NULL;
  if (!inbox) return VLOT_NOMEM;
  vlot__cluster_retain(cluster);
  inbox->cluster = cluster;
  inbox->is_muted = is_muted;
  atomic_init(&inbox->references, 1);
  pthread_mutex_init(&inbox->lock, NULL);
  pthread_cond_init(&inbox->arrived, NULL);
  vlot__lock(&cluster->clients_lock);
  vlot_result result = enter_inbox(cluster, inbox);
  vlot__unlock(&cluster->clients_lock);
  if (result == VLOT_OK)
    *out = inbox;
  else
    free_inbox(inbox);
  return result;
}

vlot__inbox *vlot__inbox_retain(vlot__inbox *inbox) {
  atomic_fetch_add(&inbox->references, 1);
  return inbox;
}

void vlot__inbox_release(vlot__inbox *inbox) {
  if (inbox && atomic_fetch_sub(&inbox->references, 1) == 1) free_inbox(inbox);
}

void vlot__inbox_close(vlot__inbox *inbox) {
  if (!inbox) return;
  vlot_cluster *cluster = inbox->cluster;
  vlot__lock(&cluster->clients_lock);
  vlot__inbox **link = find_link(cluster, inbox->number);
  if (link) {
    *link = inbox->next;
    cluster->client_count--;
  }
  vlot__unlock(&cluster->clients_lock);
  vlot__inbox_release(inbox);
}

void vlot__clients_close(vlot_cluster *cluster) {
  vlot__lock(&cluster->clients_lock);
  vlot__inbox **buckets = cluster->inboxes;
  cluster->inboxes = NULL;
  cluster->inbox_buckets = 0;
  cluster->client_count = 0;
  vlot__unlock(&cluster->clients_lock);
  vlot__alloc_free(cluster->allocator, buckets);
}

uint32_t vlot__inbox_number(const vlot__inbox *inbox) { return inbox->number; }

/* A reference to the inbox of a client that is open; NULL. No lock is held with another. */
static vlot__inbox *find_inbox(vlot_cluster *cluster, uint32_t number) {
  vlot__lock(&cluster->clients_lock);
  vlot__inbox **link = find_link(cluster, number);
  vlot__inbox *inbox = link ? *link : NULL;
  if (inbox) vlot__inbox_retain(inbox);
  vlot__unlock(&cluster->clients_lock);
  return inbox;
}

/* --- putting in --- */

static void put_answers(vlot__inbox *inbox, const void *records, size_t size) {
  vlot__lock(&inbox->lock);
  uint8_t *at = vlot__answers_reserve(&inbox->incoming, inbox->cluster->allocator, size);
  if (at) {
    memcpy(at, records, size);
    inbox->incoming.size += size;
  }
  atomic_store_explicit(&inbox->has_some, true, memory_order_relaxed);
  bool must_signal = inbox->is_waiting;
  inbox->is_waiting = false;
  vlot__unlock(&inbox->lock);
  if (must_signal) pthread_cond_signal(&inbox->arrived);
}

void vlot__client_deliver(vlot_cluster *cluster, uint32_t number, const void *records,
                          size_t size) {
  vlot__inbox *inbox = find_inbox(cluster, number);
  if (inbox && !inbox->is_muted) put_answers(inbox, records, size);
  vlot__inbox_release(inbox);
}

void vlot__mail_refused(vlot_cluster *cluster, uint32_t kind, const void *payload, vlot_why why) {
  const vlot__mail_propose *propose = payload;
  const vlot__mail_read *read = payload;
  vlot__answer answer = {
      .result = VLOT_REJECTED, .why = why, .count = 1, .tick = vlot__now(cluster)};
  if (kind == VLOT__MAIL_PROPOSE) {
    answer.client = propose->client;
    answer.sequence = propose->sequence;
    answer.count = propose->count;
  } else if (kind == VLOT__MAIL_READ) {
    answer.client = read->client;
    answer.sequence = read->sequence;
  } else {
    return;
  }
  vlot__client_deliver(cluster, answer.client, &answer, sizeof answer);
}

/* --- taking out --- */

void vlot__inbox_swap(vlot__inbox *inbox, vlot__answers *empty) {
  vlot__lock(&inbox->lock);
  vlot__answers full = inbox->incoming;
  inbox->incoming = *empty;
  inbox->incoming.size = 0;
  atomic_store_explicit(&inbox->has_some, false, memory_order_relaxed);
  vlot__unlock(&inbox->lock);
  *empty = full;
}

bool vlot__inbox_has_some(const vlot__inbox *inbox) {
  return atomic_load_explicit(&inbox->has_some, memory_order_relaxed);
}

/* --- waiting --- */

void vlot__inbox_announce(vlot__inbox *inbox, uint64_t deadline) {
  vlot_cluster *cluster = inbox->cluster;
  vlot__lock(&cluster->waiting_lock);
  inbox->deadline = deadline;
  inbox->next_waiting = cluster->waiting;
  inbox->waiting_link = &cluster->waiting;
  if (inbox->next_waiting) inbox->next_waiting->waiting_link = &inbox->next_waiting;
  cluster->waiting = inbox;
  vlot__unlock(&cluster->waiting_lock);
}

/* Under waiting_lock. */
static void unlist(vlot__inbox *inbox) {
  if (!inbox->waiting_link) return;
  *inbox->waiting_link = inbox->next_waiting;
  if (inbox->next_waiting) inbox->next_waiting->waiting_link = inbox->waiting_link;
  inbox->waiting_link = NULL;
}

void vlot__inbox_wait(vlot__inbox *inbox, uint64_t deadline) {
  vlot_cluster *cluster = inbox->cluster;
  vlot__lock(&inbox->lock);
  inbox->is_waiting = true;
  inbox->is_due = false; /* the clock has gone on before it says so: what it said is not lost */
  while (inbox->is_waiting && inbox->incoming.size == 0 && !inbox->is_due &&
         vlot__now(cluster) < deadline && !vlot__is_shut(cluster) &&
         !vlot__inbox_is_interrupted(inbox))
    vlot__cond_wait(&inbox->arrived, &inbox->lock);
  inbox->is_waiting = false;
  vlot__unlock(&inbox->lock);
  vlot__lock(&cluster->waiting_lock);
  unlist(inbox);
  vlot__unlock(&cluster->waiting_lock);
}

/* Set before the lock is taken, so that whoever looked before it is inside the wait by now. */
void vlot__inbox_interrupt(vlot__inbox *inbox) {
  atomic_store(&inbox->is_interrupted, true);
  vlot__lock(&inbox->lock);
  vlot__unlock(&inbox->lock);
  pthread_cond_signal(&inbox->arrived);
  vlot__notify_changed(inbox->cluster); /* it may wait to ask again */
}

bool vlot__inbox_is_interrupted(const vlot__inbox *inbox) {
  return atomic_load_explicit(&inbox->is_interrupted, memory_order_relaxed);
}

void vlot__inbox_end_interrupt(vlot__inbox *inbox) {
  if (vlot__inbox_is_interrupted(inbox)) atomic_store(&inbox->is_interrupted, false);
}

uint64_t vlot__clients_due(vlot_cluster *cluster) {
  uint64_t due = VLOT_NEVER;
  vlot__lock(&cluster->waiting_lock);
  for (const vlot__inbox *one = cluster->waiting; one; one = one->next_waiting)
    if (one->deadline < due) due = one->deadline;
  vlot__unlock(&cluster->waiting_lock);
  return due;
}

/* Some whose deadline has come, out of the list, each with a reference. */
static size_t take_due(vlot_cluster *cluster, uint64_t now, vlot__inbox **due, size_t capacity) {
  size_t count = 0;
  vlot__lock(&cluster->waiting_lock);
  for (vlot__inbox *one = cluster->waiting, *next; one && count < capacity; one = next) {
    next = one->next_waiting;
    if (one->deadline > now) continue;
    unlist(one);
    due[count++] = vlot__inbox_retain(one);
  }
  vlot__unlock(&cluster->waiting_lock);
  return count;
}

/* What a waiter waits on is under its own lock, and no thread holds two. */
static void wake_waiter(vlot__inbox *inbox) {
  vlot__lock(&inbox->lock);
  inbox->is_due = true;
  vlot__unlock(&inbox->lock);
  pthread_cond_signal(&inbox->arrived);
}

void vlot__clients_wake(vlot_cluster *cluster, uint64_t now) {
  vlot__inbox *due[64];
  size_t count;
  do {
    count = take_due(cluster, now, due, sizeof due / sizeof *due);
    for (size_t k = 0; k < count; k++) {
      wake_waiter(due[k]);
      vlot__inbox_release(due[k]);
    }
  } while (count == sizeof due / sizeof *due);
}
