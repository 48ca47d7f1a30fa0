/* Subscriptions: each is a growing queue of chunks of events, owned by one reader. */
#include "base/assert.h"
#include "base/lock.h"
#include "base/problem.h"
#include "cluster/door.h"
#include "cluster/host.h"
#include "cluster/observe.h"
#include "cluster/wire.h"
#include "vlot/watch.h"

enum { CHUNK_EVENTS = 256, BYTES_DEFAULT = 256 << 20 };

typedef struct chunk {
  struct chunk *next;
  uint32_t count;
  uint32_t taken;
  vlot_event events[CHUNK_EVENTS];
} chunk;

struct vlot_subscription {
  vlot__listener listener; /* first; is_heard: it is one */
  vlot_cluster *cluster;   /* a reference to its struct */
  uint64_t kinds;          /* bits; 0: all */
  vlot__wire wire;
  void (*told)(void *context, const vlot_event *event);
  void *context;
  bool is_heard;
  struct vlot_subscription *next;
  chunk *first, *last; /* under the observer's lock */
  uint64_t bytes_max;
  uint64_t bytes;
  _Atomic uint64_t lost;
};

static bool wants(const vlot_subscription *subscription, const vlot_event *event) {
  return subscription->kinds == 0 || (subscription->kinds >> event->kind & 1);
}

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
  bool has_models = observer->checker || observer->subscriptions, has_listeners = false;
  for (const vlot_subscription *one = observer->subscriptions; one; one = one->next)
    has_listeners = has_listeners || one->is_heard;
  atomic_store(&observer->has_listeners, has_listeners);
  atomic_store(&observer->has_models, has_models);
  atomic_store(&observer->is_on, has_models || observer->has_hash);
}

/* The one that has been collecting since the cluster was opened; NULL: there is none, or it has its
 * owner. */
static vlot_subscription *take_early(vlot_cluster *cluster) {
  vlot__lock(&cluster->observer.lock);
  vlot_subscription *early = cluster->observer.early;
  cluster->observer.early = NULL;
  vlot__unlock(&cluster->observer.lock);
  return early;
}

static vlot_subscription *make_subscription(vlot_cluster *cluster) {
  vlot_subscription *subscription = vlot__alloc_zero(cluster->allocator, 1, sizeof *subscription);
  if (!subscription) return NULL;
  vlot__cluster_retain(cluster);
  subscription->cluster = cluster;
  subscription->bytes_max = BYTES_DEFAULT;
  vlot__lock(&cluster->observer.lock);
  subscription->next = cluster->observer.subscriptions;
  cluster->observer.subscriptions = subscription;
  vlot__observer_changed(cluster);
  vlot__unlock(&cluster->observer.lock);
  return subscription;
}

/* --- taking --- */

static bool take_event(vlot_subscription *subscription, vlot_event *event) {
  vlot_cluster *cluster = subscription->cluster;
  chunk *empty = NULL;
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

/* What was collected before it was said which kinds are wanted may be of any. */
static bool take_wanted(vlot_subscription *subscription, vlot_event *event) {
  while (take_event(subscription, event))
    if (wants(subscription, event)) return true;
  return false;
}

static bool has_news(const vlot_subscription *subscription) {
  vlot__lock(&subscription->cluster->observer.lock);
  const chunk *first = subscription->first;
  bool has_some = first && (first->taken < first->count || first->next);
  vlot__unlock(&subscription->cluster->observer.lock);
  return has_some;
}

bool vlot_subscription_next(vlot_subscription *subscription, vlot_event *event) {
  VLOT_GIVEN(subscription);
  VLOT_GIVEN(event);
  if (vlot__is_forked(subscription->cluster) || subscription->told) return false;
  if (take_wanted(subscription, event)) return true;
  vlot__wire_taken(&subscription->wire);
  /* what came between the two is told of, or found here */
  return take_wanted(subscription, event);
}

static void tell_subscriber(vlot__listener *listener) {
  vlot_subscription *subscription = (vlot_subscription *)(void *)listener;
  vlot_event event;
  if (!subscription->told) {
    if (has_news(subscription)) vlot__wire_tell(&subscription->wire);
    return;
  }
  while (!listener->is_gone && take_wanted(subscription, &event))
    subscription->told(subscription->context, &event);
}

uint64_t vlot_subscription_lost(const vlot_subscription *subscription) {
  VLOT_GIVEN(subscription);
  return atomic_load(&subscription->lost);
}

static void unsubscribe(const vlot_subscription *subscription) {
  vlot_cluster *cluster = subscription->cluster;
  vlot__lock(&cluster->observer.lock);
  vlot_subscription **link = &cluster->observer.subscriptions;
  while (*link && *link != subscription) link = &(*link)->next;
  if (*link) *link = subscription->next; /* else its cluster has ended */
  vlot__observer_changed(cluster);
  vlot__unlock(&cluster->observer.lock);
}

static void free_subscription(vlot_subscription *subscription) {
  vlot_cluster *cluster = subscription->cluster;
  for (chunk *one = subscription->first, *next; one; one = next) {
    next = one->next;
    vlot__alloc_free(cluster->allocator, one);
  }
  vlot__alloc_free(cluster->allocator, subscription);
  vlot__cluster_release(cluster);
}

static void subscription_gone(vlot__listener *listener) {
  free_subscription((vlot_subscription *)(void *)listener);
}

void vlot_subscription_close(vlot_subscription *subscription) {
  if (!subscription || vlot__is_forked(subscription->cluster)) return;
  unsubscribe(subscription);
  if (!subscription->is_heard ||
      vlot__teller_remove(subscription->cluster, &subscription->listener))
    free_subscription(subscription); /* else when its function has returned */
}

/* --- opening --- */

void vlot_subscription_options_init(vlot_subscription_options *options) {
  VLOT_GIVEN(options);
  *options = (vlot_subscription_options){.size = sizeof *options, .fd = -1};
}

static vlot_result check_kinds(const vlot_subscription_options *options) {
  if (options->size != sizeof *options)
    return vlot__refuse(VLOT_INVALID, "options: call vlot_subscription_options_init() first");
  if (options->kinds & ~((UINT64_C(1) << VLOT_EVENT_KINDS) - 1))
    return vlot__refuse_value(VLOT_INVALID,
                              "kinds {0}: bits of vlot_event_kind, the highest is {1}",
                              options->kinds, VLOT_EVENT_KINDS - 1);
  return vlot__wire_check(options->told != NULL, options->fd);
}

static vlot_result listen_with(vlot_subscription *subscription,
                               const vlot_subscription_options *options) {
  vlot_cluster *cluster = subscription->cluster;
  uint64_t most = options->bytes_max ? options->bytes_max : BYTES_DEFAULT;
  vlot__lock(&cluster->observer.lock);
  subscription->bytes_max = most < sizeof(chunk) ? sizeof(chunk) : most;
  subscription->kinds = options->kinds;
  vlot__unlock(&cluster->observer.lock);
  subscription->told = options->told;
  subscription->context = options->context;
  vlot__wire_init(&subscription->wire, options->fd);
  if (!options->told && options->fd < 0) return VLOT_OK;
  subscription->listener.tell = tell_subscriber;
  subscription->listener.gone = subscription_gone;
  vlot_result result = vlot__teller_add(cluster, &subscription->listener);
  if (result == VLOT_BUSY) vlot__host_lacks_threads(cluster);
  if (result != VLOT_OK) return result;
  vlot__lock(&cluster->observer.lock);
  subscription->is_heard = true;
  vlot__observer_changed(cluster);
  vlot__unlock(&cluster->observer.lock);
  vlot__teller_news(cluster); /* of what it has collected so far */
  return VLOT_OK;
}

vlot_result vlot_subscription_open_with(vlot_subscription **out, vlot_cluster *cluster,
                                        const vlot_subscription_options *options) {
  VLOT_GIVEN(out);
  VLOT_GIVEN(cluster);
  vlot_subscription_options defaults;
  vlot_subscription_options_init(&defaults);
  if (!options) options = &defaults;
  *out = NULL;
  VLOT__VISIT_RESULT(cluster);
  vlot_result result = check_kinds(options);
  if (result != VLOT_OK) return result;
  vlot_subscription *subscription = take_early(cluster);
  if (!subscription) subscription = make_subscription(cluster);
  if (!subscription) return vlot__refuse(VLOT_NOMEM, "no memory for a subscription");
  result = listen_with(subscription, options);
  if (result == VLOT_OK)
    *out = subscription;
  else
    vlot_subscription_close(subscription);
  return result;
}

vlot_result vlot_subscription_open(vlot_subscription **out, vlot_cluster *cluster,
                                   uint64_t bytes_max) {
  vlot_subscription_options options;
  vlot_subscription_options_init(&options);
  options.bytes_max = bytes_max;
  return vlot_subscription_open_with(out, cluster, &options);
}

void vlot__subscriptions_push(vlot_cluster *cluster, const vlot_event *event) {
  for (vlot_subscription *one = cluster->observer.subscriptions; one; one = one->next)
    if (wants(one, event)) subscription_push(one, event);
}
