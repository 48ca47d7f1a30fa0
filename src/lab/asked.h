/* Answers to the clients of a workspace, in words: from their taking until the events have come as
 * far as they have. */
#ifndef VLOT_LAB_ASKED_H
#define VLOT_LAB_ASKED_H

#include "workspace.h"

typedef struct vlot__told_answer {
  vlot__text text;
  uint64_t tick;
} vlot__told_answer;

typedef struct vlot__told_answers {
  vlot__told_answer all[VLOT__WORKSPACE_ASKED_MAX]; /* [count] by their ticks */
  size_t count;
  size_t said;
} vlot__told_answers;

/* Everything that has been answered by now; a redo is told nothing. */
void vlot__asked_take(vlot__workspace *workspace, vlot__told_answers *told);

/* Tell those that were given before a tick, each once. After the last event: VLOT_NEVER, which also
 * frees them. */
void vlot__asked_say(vlot__workspace *workspace, vlot__told_answers *told, uint64_t before);

#endif
