/* Verbs about what has happened: going on, going back, other lines of history, writing it down. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "verbs.h"
#include "vlot/journal.h"

/* --- on and back --- */

/* A scene's comments are told, and are a part of what was said as if somebody had said them. */
static void tell_comments(vlot__workspace *workspace, const vlot__text *told) {
  char line[VLOT__COMMAND_LINE_MAX + 1];
  for (const char *at = told->data; at && *at;) {
    size_t size = strcspn(at, "\n");
    snprintf(line, sizeof line, "%.*s", (int)size, at);
    vlot__story_say(workspace, line);
    at += size + (at[size] == '\n');
  }
  if (told->size > 0) vlot__text_put(&workspace->out, told->data, told->size);
  workspace->out.is_short |= told->is_short;
}

/* One command of the scene, with what is told before it; false: the scene is over. */
static bool next_of_scene(vlot__workspace *workspace, bool *is_done) {
  char line[VLOT__COMMAND_LINE_MAX + 1];
  vlot__text told = {0};
  size_t at = vlot__scene_next(workspace->scene, workspace->scene_at, &told, line, sizeof line);
  tell_comments(workspace, &told);
  vlot__text_deinit(&told);
  workspace->scene_at = at;
  if (!*line) {
    workspace->scene_from = at;
    return false;
  }
  vlot__text_add(&workspace->out, "> %s\n", line);
  *is_done = vlot__command_run(workspace, line);
  /* also behind a line that went back in history */
  workspace->scene_at = workspace->scene_from = at;
  return true;
}

bool vlot__verbs_next(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t count = arguments->values[0].is_given ? arguments->values[0].number : 1;
  char steps[32];
  bool is_done = true;
  for (; count > 0 && workspace->scene && workspace->scene[workspace->scene_at] && is_done;
       count--) {
    if (next_of_scene(workspace, &is_done)) continue;
    vlot__text_add(&workspace->out,
                   "The scene is over; the cluster is yours. Next is whatever comes next.\n");
    return true;
  }
  if (count == 0 || !is_done) return is_done;
  snprintf(steps, sizeof steps, "step %" PRIu64, count);
  return vlot__command_run(workspace, steps);
}

/* How far this line of history, or the recording, goes. */
static uint64_t end_of(const vlot__workspace *workspace) {
  vlot_replay_status status;
  if (workspace->journal && workspace->cluster &&
      vlot_replay_get_status(workspace->cluster, &status) == VLOT_OK)
    return status.actions_total;
  return vlot__story_end(&workspace->story);
}

/* Where one has come to, in one line; and as a part of the written. */
static bool arrive(vlot__workspace *workspace, const vlot__arguments *arguments, uint64_t wanted,
                   bool is_there) {
  uint64_t at = vlot__workspace_actions(workspace);
  char line[VLOT__STORY_NAME_MAX + 32];
  if (!is_there) return false;
  vlot__story_idle(workspace, NULL);
  snprintf(line, sizeof line, "%s%s%s", arguments->words[0], arguments->word_count > 1 ? " " : "",
           arguments->word_count > 1 ? arguments->words[1] : "");
  vlot__story_say(workspace, line);
  vlot__text_add(&workspace->out, "Now action %" PRIu64 " of %" PRIu64 ", tick %" PRIu64 "", at,
                 end_of(workspace), workspace->cluster ? vlot_cluster_now(workspace->cluster) : 0);
  if (at != wanted)
    vlot__text_add(&workspace->out, ", the nearest before %" PRIu64 ": %s", wanted,
                   workspace->journal ? "a turn of several actions cannot be halved"
                                      : "what was said there did several actions at once");
  vlot__text_add(&workspace->out, ".\n");
  return true;
}

bool vlot__verbs_back(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t count = arguments->values[0].is_given ? arguments->values[0].number : 1;
  uint64_t at = vlot__workspace_actions(workspace);
  if (at == 0 && !workspace->is_adopted)
    return vlot__workspace_fail(workspace, 0,
                                workspace->cluster && vlot_cluster_now(workspace->cluster) > 0
                                    ? "no action has happened yet; 'undo' takes the last command "
                                      "back"
                                    : "this is the beginning: nothing has happened");
  if (arguments->values[0].is_given && count > at)
    return vlot__workspace_fail(workspace, 1, "only %" PRIu64 " action%s happened", at,
                                at == 1 ? " has" : "s have");
  return arrive(workspace, arguments, at - count, vlot__story_goto(workspace, at - count));
}

bool vlot__verbs_undo(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const char *idle = workspace->story.idle, *taken;
  if (idle) {
    vlot__text_add(&workspace->out, "'%s' has done nothing that could be taken back.\n", idle);
    vlot__story_idle(workspace, NULL);
    return true;
  }
  if (!vlot__story_undo(workspace, &taken)) return false;
  if (!taken)
    return vlot__workspace_fail(workspace, 0, "this is the beginning: no command is left to undo");
  vlot__text_add(&workspace->out, "Taken back: %s\n", taken);
  return arrive(workspace, arguments, vlot__workspace_actions(workspace), true);
}

bool vlot__verbs_redo(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const char *again;
  if (!vlot__story_redo(workspace, &again)) return false;
  if (!again) return vlot__workspace_fail(workspace, 0, "nothing was taken back here");
  vlot__text_add(&workspace->out, "Done again: %s\n", again);
  return arrive(workspace, arguments, vlot__workspace_actions(workspace), true);
}

/* A recorded run goes on as it was recorded: so one can go to where nobody has been yet. What
 * happens on the way is not what was asked for.
 */
static bool go_further(vlot__workspace *workspace, uint64_t target) {
  uint64_t end = vlot__story_end(&workspace->story), total = end_of(workspace);
  char steps[40];
  if (target > total)
    return vlot__workspace_fail(workspace, 1, "the recording ends at action %" PRIu64, total);
  if (vlot__workspace_actions(workspace) < end && !vlot__story_goto(workspace, end)) return false;
  if (target <= vlot__workspace_actions(workspace)) return true;
  snprintf(steps, sizeof steps, "step %" PRIu64 " quiet",
           target - vlot__workspace_actions(workspace));
  size_t before = workspace->out.size;
  if (!vlot__command_run(workspace, steps)) return false;
  if (workspace->out.data) workspace->out.data[workspace->out.size = before] = '\0';
  /* from wherever one comes, one stands before a turn that cannot be halved */
  return vlot__workspace_actions(workspace) <= target || vlot__story_goto(workspace, target);
}

bool vlot__verbs_goto(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t target = arguments->values[0].number;
  if (workspace->journal && !vlot__workspace_open(workspace)) return false;
  bool is_further = workspace->journal && target > vlot__story_end(&workspace->story);
  return arrive(workspace, arguments, target,
                is_further ? go_further(workspace, target) : vlot__story_goto(workspace, target));
}

/* --- branches --- */

bool vlot__verbs_fork(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *name = &arguments->values[0];
  const vlot__story *story = &workspace->story;
  unsigned kept = story->present;
  if (!vlot__story_fork(workspace, name->is_given ? name->text : NULL)) return false;
  vlot__text_add(&workspace->out, "Branch %s is kept as it is; this is branch %s now.\n",
                 story->branches[kept].name, story->branches[story->present].name);
  char line[VLOT__STORY_NAME_MAX + 8];
  snprintf(line, sizeof line, "fork%s%s", name->is_given ? " " : "",
           name->is_given ? name->text : "");
  vlot__story_say(workspace, line);
  return true;
}

bool vlot__verbs_branches(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *name = &arguments->values[0];
  vlot__view view = {.kind = VLOT__VIEW_OF_BRANCHES};
  if (name->is_given)
    return vlot__story_switch(workspace, name->text) &&
           arrive(workspace, arguments, vlot__workspace_actions(workspace), true);
  return vlot__verbs_show(workspace, &view, vlot__view_look_branches(&view.as.branches, workspace));
}

/* --- out of a file, and a word of one's own --- */

enum { PLAYS_MAX = 8 }; /* files that play files */

static bool play_text(vlot__workspace *workspace, const char *text) {
  char line[VLOT__COMMAND_LINE_MAX + 1];
  bool is_done = true;
  for (size_t at = 0; is_done && text[at];) {
    vlot__text told = {0};
    at = vlot__scene_next(text, at, &told, line, sizeof line);
    tell_comments(workspace, &told);
    vlot__text_deinit(&told);
    if (!*line) break;
    vlot__text_add(&workspace->out, "> %s\n", line);
    is_done = vlot__command_run(workspace, line) && !workspace->was_stopped;
  }
  return is_done;
}

/* What was seen when a scene was written is passed over: here it is seen anew. It ends with the
 * first line that cannot be said. */
bool vlot__verbs_play(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const char *problem;
  char *text;
  if (workspace->plays == PLAYS_MAX)
    return vlot__workspace_fail(workspace, 1, "%d files play each other: is this one of them?",
                                PLAYS_MAX);
  if (vlot__scene_read(arguments->values[0].text, &text, NULL, &problem) != 0)
    return vlot__workspace_fail(workspace, 1, "it cannot be read: %s", problem);
  workspace->plays++;
  bool is_done = play_text(workspace, text);
  workspace->plays--;
  free(text);
  return is_done;
}

bool vlot__verbs_note(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__text line = {0};
  vlot__text_add(&line, "#");
  for (unsigned k = 1; k < arguments->word_count; k++)
    vlot__text_add(&line, " %s", arguments->words[k]);
  if (line.data) vlot__story_say(workspace, line.data);
  if (line.data) vlot__text_add(&workspace->out, "%s\n", line.data);
  workspace->out.is_short |= line.is_short;
  vlot__text_deinit(&line);
  return true;
}

/* --- writing it down --- */

/* How it began, where that is not how every scene begins. */
static void add_base(const vlot__workspace *workspace, vlot__text *text) {
  vlot_cluster_options usual;
  vlot_cluster_options_init(&usual);
  if (workspace->base.nodes != usual.nodes)
    vlot__text_add(text, "nodes %u\n", workspace->base.nodes);
  if (workspace->base.learners) vlot__text_add(text, "learners %u\n", workspace->base.learners);
  if (workspace->base.seed != usual.seed)
    vlot__text_add(text, "seed %" PRIu64 "\n", workspace->base.seed);
}

/* The present line of history alone; what it only looked at is not part of it. */
static void add_line(const vlot__workspace *workspace, vlot__text *text) {
  vlot__view view = {.kind = VLOT__VIEW_OF_HISTORY};
  text->is_short |= !vlot__view_look_history(&view.as.history, workspace);
  for (size_t k = 0; k < view.as.history.count; k++) {
    const vlot__view_said *one = &view.as.history.rows[k];
    if (!one->is_undone) vlot__text_add(text, "%s\n", one->text.data ? one->text.data : "");
  }
  vlot__view_deinit(&view);
}

static bool write_file(vlot__workspace *workspace, const char *name, const vlot__text *text) {
  if (*name == '"' || *name == '\'')
    return vlot__workspace_fail(workspace, 1,
                                "a name stands here as it is, without quotes around it");
  FILE *file = fopen(name, "wx");
  if (!file && errno == EEXIST)
    return vlot__workspace_fail(workspace, 1, "this file exists; name another");
  if (!file) return vlot__workspace_fail(workspace, 1, "it cannot be written: %s", strerror(errno));
  bool is_written = fwrite(text->data, 1, text->size, file) == text->size;
  if (fclose(file) == 0 && is_written) return true;
  remove(name);
  return vlot__workspace_fail(workspace, 1, "it could not be written: %s", strerror(errno));
}

bool vlot__verbs_save(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const char *name = arguments->values[0].text;
  vlot__text written = {0}, scene = {0};
  const vlot__story *story = &workspace->story;
  if (workspace->origin)
    return vlot__workspace_fail(workspace, 0, "what was found is no scene; '%s' makes it again",
                                workspace->origin->line);
  if (workspace->is_adopted || workspace->journal)
    return vlot__workspace_fail(workspace, 0,
                                workspace->journal
                                    ? "this is a recorded run: its journal is the written"
                                    : "this cluster runs with threads: record it with "
                                      "'vlot run --journal FILE'");
  if (!arguments->values[1].is_given) add_base(workspace, &written);
  if (arguments->values[1].is_given) {
    add_line(workspace, &written);
  } else if (story->said.size > 0) {
    vlot__text_put(&written, story->said.data, story->said.size);
  }
  const char *problem = vlot__scene_write(&written, workspace->plugin, &scene);
  bool is_done = problem ? vlot__workspace_fail(workspace, 0, "%s", problem)
                         : write_file(workspace, name, &scene);
  if (is_done) vlot__text_add(&workspace->out, "%s: 'vlot play' replays it\n", name);
  vlot__text_deinit(&written);
  vlot__text_deinit(&scene);
  return is_done;
}
