#include "cluster/inbox.h"

#include <string.h>

struct vlot__inbox {
  vlot_cluster *cluster;
  /* its client's, and those of nodes that are putting an answer in */
  _Atomic uint32_t references;
  uint32_t number;
  bool is_muted;

  /* under lock */
  pthread_mutex_t lock;
  pthread_cond_t arrived;
  vlot__answers incoming;
  bool is_waiting;
  bool is_due; /* the clock says: look at your deadlines */

  _Atomic uint64_t deadline; /* VLOT_NEVER: not waiting */
};

uint8_t *vlot__answers_reserve(vlot__answers *answers, const vlot_allocator *allocator,
                               size_t more) {
  void *bytes = answers->bytes;
  bool has_room = vlot__alloc_grow(allocator, &bytes, &answers->capacity, answers->size + more, 1);
  answers->bytes = bytes;
  return has_room ? answers->bytes + answers->size : NULL;
}

/* --- opening and closing --- */

static bool enter_inbox(vlot__inbox *inbox) {
  vlot_cluster *cluster = inbox->cluster;
  pthread_mutex_lock(&cluster->clients_lock);
  void *inboxes = cluster->inboxes;
  bool has_room = vlot__alloc_grow(cluster->allocator, &inboxes, &cluster->client_capacity,
                                   cluster->client_count + 1, sizeof *cluster->inboxes);
  cluster->inboxes = inboxes;
  if (has_room) {
    cluster->inboxes[cluster->client_count++] = inbox;
    inbox->number = cluster->client_count;
  }
  pthread_mutex_unlock(&cluster->clients_lock);
  return has_room;
}

static void free_inbox(vlot__inbox *inbox) {
  const vlot_allocator *allocator = inbox->cluster->allocator;
  pthread_mutex_destroy(&inbox->lock);
  pthread_cond_destroy(&inbox->arrived);
  vlot__alloc_free(allocator, inbox->incoming.bytes);
  vlot__alloc_free(allocator, inbox);
}

vlot__inbox *vlot__inbox_open(vlot_cluster *cluster, bool is_muted) {
  vlot__inbox *inbox = vlot__alloc_zero(cluster->allocator, 1, sizeof *inbox);
  if (!inbox) return NULL;
  inbox->cluster = cluster;
  inbox->is_muted = is_muted;
  atomic_init(&inbox->references, 1);
  atomic_init(&inbox->deadline, VLOT_NEVER);
  pthread_mutex_init(&inbox->lock, NULL);
  pthread_cond_init(&inbox->arrived, NULL);
  if (enter_inbox(inbox)) return inbox;
  free_inbox(inbox);
  return NULL;
}

static void release_inbox(vlot__inbox *inbox) {
  if (inbox && atomic_fetch_sub(&inbox->references, 1) == 1) free_inbox(inbox);
}

void vlot__inbox_close(vlot__inbox *inbox) {
  if (!inbox) return;
  vlot_cluster *cluster = inbox->cluster;
  pthread_mutex_lock(&cluster->clients_lock);
  cluster->inboxes[inbox->number - 1] = NULL;
  pthread_mutex_unlock(&cluster->clients_lock);
  release_inbox(inbox);
}

uint32_t vlot__inbox_number(const vlot__inbox *inbox) { return inbox->number; }

/* A reference to the inbox of a client that is open; NULL. No lock is held with another. */
static vlot__inbox *find_inbox(vlot_cluster *cluster, uint32_t number) {
  pthread_mutex_lock(&cluster->clients_lock);
  vlot__inbox *inbox =
      number >= 1 && number <= cluster->client_count ? cluster->inboxes[number - 1] : NULL;
  if (inbox) atomic_fetch_add(&inbox->references, 1);
  pthread_mutex_unlock(&cluster->clients_lock);
  return inbox;
}

/* --- putting in --- */

static void put_answers(vlot__inbox *inbox, const void *records, size_t size) {
  pthread_mutex_lock(&inbox->lock);
  uint8_t *at = vlot__answers_reserve(&inbox->incoming, inbox->cluster->allocator, size);
  if (at) {
    memcpy(at, records, size);
    inbox->incoming.size += size;
  }
  bool must_signal = inbox->is_waiting;
  inbox->is_waiting = false;
  pthread_mutex_unlock(&inbox->lock);
  if (must_signal) pthread_cond_signal(&inbox->arrived);
}

void vlot__client_deliver(vlot_cluster *cluster, uint32_t number, const void *records,
                          size_t size) {
  vlot__inbox *inbox = find_inbox(cluster, number);
  if (inbox && !inbox->is_muted) put_answers(inbox, records, size);
  release_inbox(inbox);
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
  pthread_mutex_lock(&inbox->lock);
  vlot__answers full = inbox->incoming;
  inbox->incoming = *empty;
  inbox->incoming.size = 0;
  pthread_mutex_unlock(&inbox->lock);
  *empty = full;
}

/* --- waiting --- */

void vlot__inbox_announce(vlot__inbox *inbox, uint64_t deadline) {
  atomic_store(&inbox->deadline, deadline);
}

void vlot__inbox_wait(vlot__inbox *inbox, uint64_t deadline) {
  pthread_mutex_lock(&inbox->lock);
  inbox->is_waiting = true;
  inbox->is_due = false; /* the clock has gone on before it says so: what it said is not lost */
  while (inbox->is_waiting && inbox->incoming.size == 0 && !inbox->is_due &&
         vlot__now(inbox->cluster) < deadline)
    pthread_cond_wait(&inbox->arrived, &inbox->lock);
  inbox->is_waiting = false;
  atomic_store_explicit(&inbox->deadline, VLOT_NEVER, memory_order_relaxed);
  pthread_mutex_unlock(&inbox->lock);
}

uint64_t vlot__clients_due(vlot_cluster *cluster) {
  uint64_t due = VLOT_NEVER;
  pthread_mutex_lock(&cluster->clients_lock);
  for (uint32_t k = 0; k < cluster->client_count; k++) {
    if (!cluster->inboxes[k]) continue;
    uint64_t deadline = atomic_load(&cluster->inboxes[k]->deadline);
    if (deadline < due) due = deadline;
  }
  pthread_mutex_unlock(&cluster->clients_lock);
  return due;
}

static uint32_t client_count(vlot_cluster *cluster) {
  pthread_mutex_lock(&cluster->clients_lock);
  uint32_t count = cluster->client_count;
  pthread_mutex_unlock(&cluster->clients_lock);
  return count;
}

void vlot__clients_wake(vlot_cluster *cluster, uint64_t now) {
  if (vlot__clients_due(cluster) > now) return;
  for (uint32_t number = 1; number <= client_count(cluster); number++) {
    vlot__inbox *inbox = find_inbox(cluster, number);
    if (!inbox) continue;
    if (atomic_load(&inbox->deadline) <= now) {
      pthread_mutex_lock(&inbox->lock);
      inbox->is_due = true;
      pthread_mutex_unlock(&inbox->lock);
      pthread_cond_signal(&inbox->arrived);
    }
    release_inbox(inbox);
  }
}
