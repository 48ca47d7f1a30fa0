#include "cluster/helper.h"

#include <signal.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/pin.h"
#include "vlot/actor.h"

/* A worker that was left alone has its place in memory until it comes back; so has the helper. */
typedef struct worker {
  vlot__helper *helper;
  pthread_t thread;
  vlot__image *inside; /* it writes this one; NULL: none */
  bool is_left;        /* nobody waits for it any more */
} worker;

struct vlot__helper {
  const vlot_allocator *allocator;
  pthread_mutex_t lock; /* of all that follows */
  pthread_cond_t wake;  /* the worker, without work */
  pthread_cond_t ended; /* an image, or the worker */
  uint32_t references;  /* of the host, and of each worker that was left alone */
  uint32_t groups;
  bool must_end;
  worker *worker; /* NULL: no thread */
  vlot__image *first, *last;
};

vlot__helper *vlot__helper_open(const vlot_allocator *allocator) {
  vlot__helper *helper = vlot__alloc_zero(allocator, 1, sizeof *helper);
  if (!helper) return NULL;
  helper->allocator = allocator;
  helper->references = 1;
  pthread_mutex_init(&helper->lock, NULL);
  vlot__cond_init(&helper->wake);
  vlot__cond_init(&helper->ended);
  return helper;
}

/* Under the lock, which it gives back. */
static void release_and_unlock(vlot__helper *helper) {
  bool is_last = --helper->references == 0;
  vlot__unlock(&helper->lock);
  if (!is_last) return;
  pthread_mutex_destroy(&helper->lock);
  pthread_cond_destroy(&helper->wake);
  pthread_cond_destroy(&helper->ended);
  vlot__alloc_free(helper->allocator, helper);
}

void vlot__helper_close(vlot__helper *helper) {
  if (!helper) return;
  vlot__lock(&helper->lock);
  release_and_unlock(helper);
}

/* --- the thread --- */

enum { AGAIN_NS = 10000000 };

static vlot__image *take_first(vlot__helper *helper) {
  vlot__image *image = helper->first;
  helper->first = image->next;
  if (!helper->first) helper->last = NULL;
  return image;
}

/* Without memory for the mail its node would wait for ever: again, until it is told or nobody waits
 * any more. Under the lock, but for the telling. */
static void tell_node(worker *self, vlot__image *image) {
  vlot__helper *helper = self->helper;
  while (!self->is_left) {
    vlot__unlock(&helper->lock);
    bool is_told = atomic_load(&image->is_dropped) || image->written(image);
    vlot__lock(&helper->lock);
    if (is_told || helper->must_end) return;
    (void)vlot__cond_wait_until(&helper->wake, &helper->lock, vlot_clock_ns() + AGAIN_NS);
  }
}

/* One image; under the lock, but for that. */
static void write_one(worker *self) {
  vlot__helper *helper = self->helper;
  vlot__image *image = take_first(helper);
  self->inside = image;
  vlot__unlock(&helper->lock);
  vlot__image_write(image);
  vlot__lock(&helper->lock);
  tell_node(self, image);
  vlot__unlock(&helper->lock);
  vlot__image_release(image);
  vlot__lock(&helper->lock);
  self->inside = NULL;
  pthread_cond_broadcast(&helper->ended);
}

static void *work(void *context) {
  worker *self = context;
  vlot__helper *helper = self->helper;
  const vlot_allocator *allocator = helper->allocator;
  vlot__lock(&helper->lock);
  while (!self->is_left && (helper->first || !helper->must_end)) {
    if (helper->first)
      write_one(self);
    else
      vlot__cond_wait(&helper->wake, &helper->lock);
  }
  if (!self->is_left) { /* whoever ends it joins it, and frees it */
    vlot__unlock(&helper->lock);
    return NULL;
  }
  release_and_unlock(helper);
  vlot__alloc_free(allocator, self);
  return NULL;
}

/* Under the lock. */
static bool start_worker(vlot__helper *helper) {
  sigset_t all, before;
  worker *made = vlot__alloc_zero(helper->allocator, 1, sizeof *made);
  if (!made) return false;
  made->helper = helper;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* the host's signals are the host's (P23) */
  bool is_made = pthread_create(&made->thread, NULL, work, made) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!is_made) {
    vlot__alloc_free(helper->allocator, made);
    return false;
  }
  pthread_setname_np(made->thread, "vlot-images");
  helper->worker = made;
  return true;
}

bool vlot__helper_take(vlot__helper *helper, vlot__image *image,
                       bool (*written)(vlot__image *image)) {
  vlot__lock(&helper->lock);
  bool is_taken = helper->worker || start_worker(helper);
  if (is_taken) {
    image->next = NULL;
    image->written = written;
    if (helper->last)
      helper->last->next = image;
    else
      helper->first = image;
    helper->last = image;
    pthread_cond_signal(&helper->wake);
  }
  vlot__unlock(&helper->lock);
  return is_taken;
}

/* --- groups --- */

void vlot__helper_enter(vlot__helper *helper) {
  vlot__lock(&helper->lock);
  while (helper->must_end) vlot__cond_wait(&helper->ended, &helper->lock);
  helper->groups++;
  vlot__unlock(&helper->lock);
}

/* Its images that nobody writes yet, as a list of their own. Under the lock. */
static vlot__image *withdraw(vlot__helper *helper, const vlot_cluster *cluster) {
  vlot__image *all = helper->first, *withdrawn = NULL;
  helper->first = helper->last = NULL;
  for (vlot__image *one = all, *next; one; one = next) {
    next = one->next;
    one->next = NULL;
    if (one->seat->cluster == cluster) {
      one->next = withdrawn;
      withdrawn = one;
    } else if (helper->last) {
      helper->last = helper->last->next = one;
    } else {
      helper->first = helper->last = one;
    }
  }
  return withdrawn;
}

static void release_all(vlot__image *images) {
  for (vlot__image *one = images, *next; one; one = next) {
    next = one->next;
    vlot__image_release(one);
  }
}

static bool is_inside(const vlot__helper *helper, const vlot_cluster *cluster) {
  const worker *now = helper->worker;
  return now && now->inside && now->inside->seat->cluster == cluster;
}

/* Under the lock: it frees itself when it comes back, to code that must be there still. */
static void leave_alone(vlot__helper *helper) {
  helper->worker->is_left = true;
  pthread_detach(helper->worker->thread);
  helper->references++;
  helper->worker = NULL;
  vlot__pin_code();
}

/* Under the lock, which it gives back and takes again. */
static void end_worker(vlot__helper *helper) {
  worker *ended = helper->worker;
  if (!ended) return;
  helper->must_end = true;
  pthread_cond_signal(&helper->wake);
  vlot__unlock(&helper->lock);
  vlot__thread_join(ended->thread);
  vlot__lock(&helper->lock);
  helper->must_end = false;
  helper->worker = NULL;
  pthread_cond_broadcast(&helper->ended);
  vlot__alloc_free(helper->allocator, ended);
}

vlot_result vlot__helper_leave(vlot__helper *helper, vlot_cluster *cluster, uint64_t stop_ns) {
  uint64_t deadline = vlot__clock_after(vlot_clock_ns(), stop_ns);
  vlot__lock(&helper->lock);
  vlot__image *withdrawn = withdraw(helper, cluster);
  bool is_stuck = false;
  if (is_inside(helper, cluster)) atomic_store(&helper->worker->inside->is_dropped, true);
  while (is_inside(helper, cluster) && !is_stuck)
    is_stuck = !vlot__cond_wait_until(&helper->ended, &helper->lock, deadline) &&
               is_inside(helper, cluster);
  if (is_stuck) leave_alone(helper);
  if (--helper->groups == 0) end_worker(helper);
  vlot__unlock(&helper->lock);
  release_all(withdrawn);
  return is_stuck ? VLOT_TIMEOUT : VLOT_OK;
}
