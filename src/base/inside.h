/* What a thread is inside of: turns, hooks, calls. One thread-local list of frames, the innermost
 * first, on the stack of whoever runs them: it costs no thread key, and systems that are nested in
 * each other are told apart.
 */
#ifndef VLOT_BASE_INSIDE_H
#define VLOT_BASE_INSIDE_H

#include <stddef.h>
#include <stdint.h>

typedef struct vlot__frame {
  const struct vlot__frame *outer;
  const void *place; /* what it is inside of, compared only … */
  void *who;         /* … and as whom */
} vlot__frame;

extern _Thread_local const vlot__frame *vlot__innermost;

/* Every push has its pop, by the same thread, in reverse order. */
static inline void vlot__inside_push(vlot__frame *frame, const void *place, void *who) {
  *frame = (vlot__frame){.outer = vlot__innermost, .place = place, .who = who};
  vlot__innermost = frame;
}

static inline void vlot__inside_pop(const vlot__frame *frame) { vlot__innermost = frame->outer; }

/* The innermost frame of this thread in a place; NULL: it is not inside of it. */
static inline const vlot__frame *vlot__inside(const void *place) {
  const vlot__frame *frame = vlot__innermost;
  while (frame && frame->place != place) frame = frame->outer;
  return frame;
}

/* This thread's number: from 1, and never that of another, gone ones included. (A pthread_t comes
 * again.) */
uint64_t vlot__thread_number(void);

#endif
