/* Subscriptions: each is a growing queue of chunks of events, owned by one reader. */
#include "base/assert.h"
#include "base/lock.h"
#include "cluster/door.h"
#include "cluster/observe.h"

enum { CHUNK_EVENTS = 256 };

typedef struct chunk {
  struct chunk *next;
  uint32_t count;
  uint32_t taken;
  vlot_event events[CHUNK_EVENTS];
} chunk;

struct vlot_subscription {
  vlot_cluster *cluster; /* a reference to its struct */
  struct vlot_subscription *next;
  chunk *first, *last; /* under the observer's lock */
  uint64_t bytes_max;
  uint64_t bytes;
  _Atomic uint64_t lost;
};

static void subscription_push(vlot_subscription *subscription, const vlot_event *event) {
  chunk *last = subscription->last;
  if (!last || last->count == CHUNK_EVENTS) {
    bool has_room = subscription->bytes + sizeof *last <= subscription->bytes_max;
    last = has_room ? vlot__alloc(subscription->cluster->allocator, 1, sizeof *last) : NULL;
    if (!last) {
      atomic_fetch_add(&subscription->lost, 1);
      return;
    }
    last->next = NULL;
    last->count = last->taken = 0;
    if (subscription->last)
      subscription->last->next = last;
    else
      subscription->first = last;
    subscription->last = last;
    subscription->bytes += sizeof *last;
  }
  last->events[last->count++] = *event;
}

void vlot__observer_changed(vlot_cluster *cluster) {
  vlot__observer *observer = &cluster->observer;
  bool has_models = observer->checker || observer->subscriptions;
  atomic_store(&observer->has_models, has_models);
  atomic_store(&observer->is_on, has_models || observer->has_hash);
}

/* The one that has been collecting since the cluster was opened; NULL: there is none, or it has its
 * owner. */
static vlot_subscription *take_early(vlot_cluster *cluster, uint64_t bytes_max) {
  vlot__lock(&cluster->observer.lock);
  vlot_subscription *early = cluster->observer.early;
  cluster->observer.early = NULL;
  if (early && bytes_max) early->bytes_max = bytes_max;
  vlot__unlock(&cluster->observer.lock);
  return early;
}

vlot_result vlot_subscription_open(vlot_subscription **out, vlot_cluster *cluster,
                                   uint64_t bytes_max) {
  VLOT_GIVEN(out);
  VLOT_GIVEN(cluster);
  *out = NULL;
  VLOT__VISIT_RESULT(cluster);
  *out = take_early(cluster, bytes_max);
  if (*out) return VLOT_OK;
  vlot_subscription *subscription = vlot__alloc_zero(cluster->allocator, 1, sizeof *subscription);
  if (!subscription) return VLOT_NOMEM;
  vlot__cluster_retain(cluster);
  subscription->cluster = cluster;
  subscription->bytes_max = bytes_max ? bytes_max : 256u << 20;
  if (subscription->bytes_max < sizeof(chunk)) subscription->bytes_max = sizeof(chunk);
  vlot__lock(&cluster->observer.lock);
  subscription->next = cluster->observer.subscriptions;
  cluster->observer.subscriptions = subscription;
  vlot__observer_changed(cluster);
  vlot__unlock(&cluster->observer.lock);
  *out = subscription;
  return VLOT_OK;
}

bool vlot_subscription_next(vlot_subscription *subscription, vlot_event *event) {
  VLOT_GIVEN(subscription);
  VLOT_GIVEN(event);
  vlot_cluster *cluster = subscription->cluster;
  chunk *empty = NULL;
  if (vlot__is_forked(cluster)) return false;
  vlot__lock(&cluster->observer.lock);
  chunk *first = subscription->first;
  if (first && first->taken == first->count && first->next) {
    empty = first;
    subscription->first = first = first->next;
    subscription->bytes -= sizeof *empty;
  }
  bool has_one = first && first->taken < first->count;
  if (has_one) *event = first->events[first->taken++];
  if (first && first->taken == first->count && first == subscription->last)
    first->taken = first->count = 0;
  vlot__unlock(&cluster->observer.lock);
  vlot__alloc_free(cluster->allocator, empty);
  return has_one;
}

uint64_t vlot_subscription_lost(const vlot_subscription *subscription) {
  VLOT_GIVEN(subscription);
  return atomic_load(&subscription->lost);
}

void vlot_subscription_close(vlot_subscription *subscription) {
  if (!subscription) return;
  vlot_cluster *cluster = subscription->cluster;
  if (vlot__is_forked(cluster)) return;
  vlot__lock(&cluster->observer.lock);
  vlot_subscription **link = &cluster->observer.subscriptions;
  while (*link && *link != subscription) link = &(*link)->next;
  if (*link) *link = subscription->next; /* else its cluster has ended */
  vlot__observer_changed(cluster);
  vlot__unlock(&cluster->observer.lock);
  for (chunk *one = subscription->first, *next; one; one = next) {
    next = one->next;
    vlot__alloc_free(cluster->allocator, one);
  }
  vlot__alloc_free(cluster->allocator, subscription);
  vlot__cluster_release(cluster);
}

void vlot__subscriptions_push(vlot_cluster *cluster, const vlot_event *event) {
  for (vlot_subscription *one = cluster->observer.subscriptions; one; one = one->next)
    subscription_push(one, event);
}
