/* A line of history: what was said, in lines that can be said again; the states between them; and
 * where each command began.
 */
#ifndef VLOT_LAB_BRANCH_H
#define VLOT_LAB_BRANCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VLOT__STORY_NAME_MAX = 24, VLOT__STORY_PIECE_MAX = 40 };

/* A state that the cluster comes by: behind an action, and so many ticks later in which nothing
 * happened. */
typedef struct vlot__story_place {
  uint64_t action;
  uint64_t idle;
  uint64_t tick; /* follows from the two */
} vlot__story_place;

typedef struct vlot__story_line {
  const char *text; /* its own, in a branch; else borrowed */
  vlot__story_place from;
  vlot__story_place to;
  size_t scene_from; /* where the scene stood before it … */
  size_t scene_to;   /* … and after it */
  bool is_time;      /* it let time go on: any part of it can be done */
  bool is_look;      /* it changed nothing */
  bool is_quiet;     /* it told only what changed */
  bool is_origin;    /* a run that was found, and is made again as a whole */
} vlot__story_line;

/* A place in a branch: so many lines before it wholly, and of the next one all up to this state. */
typedef struct vlot__story_point {
  size_t line;
  vlot__story_place place;
} vlot__story_point;

/* A command, as it was said: however many lines it is now, it is taken back as one. */
typedef struct vlot__story_mark {
  char *text;
  vlot__story_point begin, end;
} vlot__story_mark;

typedef struct vlot__story_branch {
  char name[VLOT__STORY_NAME_MAX];
  unsigned parent;            /* the branch that it was made from, 1 … ; 0: none */
  vlot__story_place parts_at; /* where it leaves that one */
  vlot__story_line *lines;    /* [count] */
  size_t count;
  size_t capacity;
  vlot__story_mark *marks; /* [mark_count] in their order */
  size_t mark_count;
  size_t mark_capacity;
} vlot__story_branch;

/* In the order in which a run comes by them. */
bool vlot__place_is_before(vlot__story_place a, vlot__story_place b);
bool vlot__place_is_same(vlot__story_place a, vlot__story_place b);

/* What is said for a part of a line of time: it ends with an action, or with ticks without any. */
const char *vlot__story_piece(char text[VLOT__STORY_PIECE_MAX], vlot__story_place from,
                              vlot__story_place to, bool is_quiet);

/* Add a line, whose text is copied; or a mark, in its place, instead of one that stands there.
 * false: no memory. */
bool vlot__branch_append(vlot__story_branch *branch, const vlot__story_line *line);
bool vlot__branch_mark(vlot__story_branch *branch, vlot__story_point begin, vlot__story_point end,
                       const char *text);

/* Is it said before the other one? */
bool vlot__point_is_before(vlot__story_point a, vlot__story_point b);

/* Forget lines from this one on, or all there is. */
void vlot__branch_cut(vlot__story_branch *branch, size_t from);
void vlot__branch_deinit(vlot__story_branch *branch);

/* Its last state. */
vlot__story_place vlot__branch_end(const vlot__story_branch *branch);

#endif
