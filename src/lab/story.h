/* The history of a workspace: what was said to its cluster, line by line, each with the actions it
 * took. A cluster that runs in lockstep does the same again when the same is said to it: so going
 * back is beginning anew and stopping earlier.
 *
 * There are several lines of history when somebody went back and did something else: branches. One
 * of them is the present one.
 */
#ifndef VLOT_LAB_STORY_H
#define VLOT_LAB_STORY_H

#include "branch.h"
#include "text.h"
#include "vlot/cluster.h"

struct vlot__workspace;

enum { VLOT__STORY_BRANCHES_MAX = 4096 };

/* What was done inside a line, and is a line of its own: a debugger's request, or one of several
 * things. */
typedef struct vlot__story_inner {
  vlot__story_place from; /* is_asked: the state in which it was carried out */
  uint64_t action;        /* its last one */
  bool is_asked;          /* by a debugger: the line does not say it */
  char text[192];         /* of a partition of 32 nodes too */
} vlot__story_inner;

typedef struct vlot__story {
  vlot__story_branch *branches; /* [branch_count] */
  unsigned branch_count;
  unsigned present;
  /* lines of the present branch that are wholly behind us; what follows was undone */
  size_t done;
  vlot__story_inner *inner; /* [inner_count] since the last line */
  size_t inner_count;
  size_t inner_capacity;
  vlot__story_point begin; /* of the command that is being recorded … */
  bool has_begun;          /* … once a line of it is */
  char *idle;              /* the last command, where it has done nothing; NULL */
  vlot__text said;         /* everything, in the order it was said, as the commands of a scene */
} vlot__story;

void vlot__story_deinit(vlot__story *story);

/* The branch that one is on; while there is one. */
static inline vlot__story_branch *vlot__story_present(const vlot__story *story) {
  return &story->branches[story->present];
}

/* Has anything been undone in the present branch? What only looked has not: it counts as done. */
bool vlot__story_is_undone(vlot__story *story);

/* A line was carried out (its text is copied) that was said as `said`. Where something else was
 * undone, another branch begins. Without memory the line cannot be done again, and that is told.
 */
void vlot__story_record(struct vlot__workspace *workspace, const vlot__story_line *line,
                        const char *said);

/* A command was carried out and has done nothing; NULL: something else has been said since. */
void vlot__story_idle(struct vlot__workspace *workspace, const char *said);

/* Add a line to what was said, and to nothing else: a comment, or what was said about the history
 * itself. */
void vlot__story_say(struct vlot__workspace *workspace, const char *text);

/* The line that is being carried out has done one of several things: this line alone would do
 * it. */
void vlot__story_part(struct vlot__workspace *workspace, const char *text);

/* A REQUEST event: what was asked becomes a line of its own, inside the one that is being carried
 * out. */
void vlot__story_ask(struct vlot__workspace *workspace, const vlot_event *event);

/* Begin anew and stop after an action: exactly there, or, inside a line that cannot be halved,
 * before it.
 *
 * Behind the last action it is the end, with all the time that has passed.
 *
 * returns  false: there is no way back here, or no such action; the problem is told
 */
bool vlot__story_goto(struct vlot__workspace *workspace, uint64_t action);

/* Take back the last command, or do again the next one that was taken back. taken: what it said,
 * valid until something is recorded; NULL: none is left, and nothing has changed.
 *
 * returns  false: there is no way back here; the problem is told
 */
bool vlot__story_undo(struct vlot__workspace *workspace, const char **taken);
bool vlot__story_redo(struct vlot__workspace *workspace, const char **taken);

/* The same for action 0, with the cluster not even open: something more is to be set up. */
bool vlot__story_reset(struct vlot__workspace *workspace);

/* The last action of the present branch, undone or not. */
uint64_t vlot__story_end(const vlot__story *story);

/* Keep the present line of history and go on in a copy of it. name NULL: its number. */
bool vlot__story_fork(struct vlot__workspace *workspace, const char *name);

/* Go to the end of another branch. */
bool vlot__story_switch(struct vlot__workspace *workspace, const char *name);

#endif
