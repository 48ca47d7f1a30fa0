/* Verbs about what has happened: going on, going back, other lines of history, writing it down. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scene.h"
#include "verbs.h"
#include "vlot/journal.h"

/* --- on and back --- */

/* A scene's comments are told, and are a part of what was said as if somebody had said them. */
static void tell_comments(vlot__session *session, const vlot__text *told) {
  char line[VLOT__COMMAND_LINE_MAX + 1];
  for (const char *at = told->data; at && *at;) {
    size_t size = strcspn(at, "\n");
    snprintf(line, sizeof line, "%.*s", (int)size, at);
    vlot__history_say(session, line);
    at += size + (at[size] == '\n');
  }
  if (told->size > 0) vlot__text_put(&session->out, told->data, told->size);
  session->out.is_short |= told->is_short;
}

/* One command of the scene, with what is told before it; false: the scene is over. */
static bool next_of_scene(vlot__session *session, bool *is_done) {
  char line[VLOT__COMMAND_LINE_MAX + 1];
  vlot__text told = {0};
  size_t at = vlot__scene_next(session->scene, session->scene_at, &told, line, sizeof line);
  tell_comments(session, &told);
  vlot__text_deinit(&told);
  session->scene_at = at;
  if (!*line) {
    session->scene_from = at;
    return false;
  }
  vlot__text_add(&session->out, "> %s\n", line);
  *is_done = vlot__command_run(session, line);
  /* also behind a line that went back in history */
  session->scene_at = session->scene_from = at;
  return true;
}

bool vlot__verbs_next(vlot__session *session, const vlot__arguments *arguments) {
  uint64_t count = arguments->values[0].is_given ? arguments->values[0].number : 1;
  char steps[32];
  bool is_done = true;
  for (; count > 0 && session->scene && session->scene[session->scene_at] && is_done; count--) {
    if (next_of_scene(session, &is_done)) continue;
    vlot__text_add(&session->out,
                   "The scene is over; the cluster is yours. Next is whatever comes next.\n");
    return true;
  }
  if (count == 0 || !is_done) return is_done;
  snprintf(steps, sizeof steps, "step %" PRIu64, count);
  return vlot__command_run(session, steps);
}

/* How far this line of history, or the recording, goes. */
static uint64_t end_of(const vlot__session *session) {
  vlot_replay_status status;
  if (session->journal && session->cluster &&
      vlot_replay_get_status(session->cluster, &status) == VLOT_OK)
    return status.actions_total;
  return vlot__history_end(&session->history);
}

/* Where one has come to, in one line; and as a part of the story. */
static bool arrive(vlot__session *session, const vlot__arguments *arguments, uint64_t wanted,
                   bool is_there) {
  uint64_t at = vlot__session_actions(session);
  char line[VLOT__HISTORY_NAME_MAX + 32];
  if (!is_there) return false;
  snprintf(line, sizeof line, "%s%s%s", arguments->words[0], arguments->word_count > 1 ? " " : "",
           arguments->word_count > 1 ? arguments->words[1] : "");
  vlot__history_say(session, line);
  vlot__text_add(&session->out, "Now action %" PRIu64 " of %" PRIu64 ", tick %" PRIu64 "%s.\n", at,
                 end_of(session), session->cluster ? vlot_cluster_now(session->cluster) : 0,
                 at == wanted       ? ""
                 : session->journal ? ": a turn of several actions cannot be halved"
                                    : ": what was said there did several actions at once");
  return true;
}

bool vlot__verbs_back(vlot__session *session, const vlot__arguments *arguments) {
  uint64_t count = arguments->values[0].is_given ? arguments->values[0].number : 1;
  uint64_t at = vlot__session_actions(session);
  if (at == 0 && !session->is_adopted)
    return vlot__session_fail(session, 0, "this is the beginning: nothing has happened");
  if (arguments->values[0].is_given && count > at)
    return vlot__session_fail(session, 1, "only %" PRIu64 " action%s happened", at,
                              at == 1 ? " has" : "s have");
  return arrive(session, arguments, at - count, vlot__history_goto(session, at - count));
}

/* A recorded run goes on as it was recorded: so one can go to where nobody has been yet. What
 * happens on the way is not what was asked for.
 */
static bool go_further(vlot__session *session, uint64_t target) {
  uint64_t end = vlot__history_end(&session->history), total = end_of(session);
  char steps[40];
  if (target > total)
    return vlot__session_fail(session, 1, "the recording ends at action %" PRIu64, total);
  if (vlot__session_actions(session) < end && !vlot__history_goto(session, end)) return false;
  if (target <= vlot__session_actions(session)) return true;
  snprintf(steps, sizeof steps, "step %" PRIu64 " quiet", target - vlot__session_actions(session));
  size_t before = session->out.size;
  if (!vlot__command_run(session, steps)) return false;
  if (session->out.data) session->out.data[session->out.size = before] = '\0';
  return true;
}

bool vlot__verbs_goto(vlot__session *session, const vlot__arguments *arguments) {
  uint64_t target = arguments->values[0].number;
  if (session->journal && !vlot__session_open(session)) return false;
  bool is_further = session->journal && target > vlot__history_end(&session->history);
  return arrive(session, arguments, target,
                is_further ? go_further(session, target) : vlot__history_goto(session, target));
}

/* --- branches --- */

bool vlot__verbs_fork(vlot__session *session, const vlot__arguments *arguments) {
  const vlot__value *name = &arguments->values[0];
  const vlot__history *history = &session->history;
  unsigned kept = history->present;
  if (!vlot__history_fork(session, name->is_given ? name->text : NULL)) return false;
  vlot__text_add(&session->out, "Branch %s is kept as it is; this is branch %s now.\n",
                 history->branches[kept].name, history->branches[history->present].name);
  char line[VLOT__HISTORY_NAME_MAX + 8];
  snprintf(line, sizeof line, "fork%s%s", name->is_given ? " " : "",
           name->is_given ? name->text : "");
  vlot__history_say(session, line);
  return true;
}

bool vlot__verbs_branches(vlot__session *session, const vlot__arguments *arguments) {
  const vlot__value *name = &arguments->values[0];
  const vlot__history *history = &session->history;
  if (name->is_given)
    return vlot__history_switch(session, name->text) &&
           arrive(session, arguments, vlot__session_actions(session), true);
  int width = 8;
  for (unsigned k = 0; k < history->branch_count; k++)
    if ((int)strlen(history->branches[k].name) > width)
      width = (int)strlen(history->branches[k].name);
  for (unsigned k = 0; k < history->branch_count; k++) {
    const vlot__history_branch *branch = &history->branches[k];
    uint64_t end = branch->count > 0 ? branch->lines[branch->count - 1].to : 0;
    const char *last = "nothing was said";
    for (size_t n = 0; n < branch->count; n++)
      if (!branch->lines[n].is_look) last = branch->lines[n].text;
    vlot__text_add(&session->out, "%c %-*s  up to action %-6" PRIu64 "  last: %s\n",
                   k == history->present ? '*' : ' ', width, branch->name, end, last);
  }
  if (history->branch_count == 0)
    vlot__text_add(&session->out, session->is_adopted
                                      ? "  this cluster runs: it has one line of history\n"
                                      : "  nothing has happened yet\n");
  return true;
}

/* --- writing it down --- */

/* How it began, where that is not how every scene begins. */
static void add_base(const vlot__session *session, vlot__text *text) {
  vlot_cluster_options usual;
  vlot_cluster_options_init(&usual);
  if (session->base.nodes != usual.nodes) vlot__text_add(text, "nodes %u\n", session->base.nodes);
  if (session->base.learners) vlot__text_add(text, "learners %u\n", session->base.learners);
  if (session->base.seed != usual.seed)
    vlot__text_add(text, "seed %" PRIu64 "\n", session->base.seed);
}

static bool write_file(vlot__session *session, const char *name, const vlot__text *text) {
  if (*name == '"' || *name == '\'')
    return vlot__session_fail(session, 1, "a name stands here as it is, without quotes around it");
  FILE *file = fopen(name, "wx");
  if (!file && errno == EEXIST)
    return vlot__session_fail(session, 1, "this file exists; name another");
  if (!file) return vlot__session_fail(session, 1, "it cannot be written: %s", strerror(errno));
  bool is_written = fwrite(text->data, 1, text->size, file) == text->size;
  if (fclose(file) == 0 && is_written) return true;
  remove(name);
  return vlot__session_fail(session, 1, "it could not be written: %s", strerror(errno));
}

bool vlot__verbs_save(vlot__session *session, const vlot__arguments *arguments) {
  const char *name = arguments->values[0].text;
  vlot__text story = {0}, scene = {0};
  const vlot__history *history = &session->history;
  if (session->is_adopted || session->journal)
    return vlot__session_fail(session, 0,
                              session->journal ? "this is a recorded run: its journal is the story"
                                               : "this cluster runs with threads: record it with "
                                                 "'vlot run --journal FILE'");
  add_base(session, &story);
  if (arguments->values[1].is_given) {
    for (size_t k = 0; history->branch_count > 0 && k < history->done; k++)
      vlot__text_add(&story, "%s\n", history->branches[history->present].lines[k].text);
  } else if (history->said.size > 0) {
    vlot__text_put(&story, history->said.data, history->said.size);
  }
  const char *problem = vlot__scene_write(&story, &scene);
  bool is_done =
      problem ? vlot__session_fail(session, 0, "%s", problem) : write_file(session, name, &scene);
  if (is_done) vlot__text_add(&session->out, "%s: 'vlot play' replays it\n", name);
  vlot__text_deinit(&story);
  vlot__text_deinit(&scene);
  return is_done;
}
