/* Verbs that look, and change nothing: each fills a view. */
#include <inttypes.h>
#include <string.h>

#include "verbs.h"
#include "why.h"

bool vlot__verbs_show(vlot__workspace *workspace, vlot__view *view, bool is_filled) {
  if (!is_filled) return vlot__workspace_fail(workspace, 0, "%s", vlot_result_text(VLOT_NOMEM));
  workspace->render(&workspace->out, view);
  vlot__view_deinit(view);
  return true;
}

/* With a number it sets up, without one it looks: both are what a person expects of this word. */
bool vlot__verbs_nodes(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *count = &arguments->values[0];
  vlot__view view = {.kind = VLOT__VIEW_OF_NODES};
  if (!count->is_given)
    return vlot__workspace_open(workspace) &&
           vlot__verbs_show(workspace, &view,
                            vlot__view_look_nodes(&view.as.nodes, workspace->cluster));
  if (!vlot__workspace_unopen(workspace))
    return vlot__workspace_fail(workspace, 1, "something has happened already: there are %u nodes",
                                workspace->options.nodes);
  if (workspace->start_count > 0 || workspace->options.learners >= count->number)
    return vlot__workspace_fail(workspace, 1,
                                "say how many nodes there are before you say what they are");
  workspace->options.nodes = (uint32_t)count->number;
  workspace->changes++;
  return true;
}

bool vlot__verbs_status(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_STATUS};
  (void)arguments;
  return vlot__verbs_show(workspace, &view,
                          vlot__view_look_status(&view.as.status, workspace->cluster));
}

enum { ENTRIES_USUAL = 24 };

/* From where on a node's log has nothing is asked in vain. */
static bool has_entries_from(vlot__workspace *workspace, const vlot__view_entries *view,
                             const vlot__value *from) {
  if (!from->is_given || view->count > 0) return true;
  if (view->last < view->first)
    return vlot__workspace_fail(workspace, from->word, "the log of n%u is empty", view->status.id);
  return vlot__workspace_fail(workspace, from->word,
                              "the log of n%u has entries %" PRIu64 " to %" PRIu64, view->status.id,
                              view->first, view->last);
}

static bool show_entries(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *from = &arguments->values[1], *count = &arguments->values[2];
  vlot__view view = {.kind = VLOT__VIEW_OF_ENTRIES};
  bool is_filled = vlot__view_look_entries(&view.as.entries, workspace,
                                           (uint32_t)arguments->values[0].number, from->number,
                                           count->is_given ? (size_t)count->number : ENTRIES_USUAL);
  if (!is_filled || has_entries_from(workspace, &view.as.entries, from))
    return vlot__verbs_show(workspace, &view, is_filled);
  vlot__view_deinit(&view);
  return false;
}

/* Of one node what its entries contain, of all of them how their terms stand to each other. */
bool vlot__verbs_log(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_LOG};
  const vlot__value *count = &arguments->values[2];
  if (arguments->values[0].number) return show_entries(workspace, arguments);
  if (count->is_given)
    return vlot__workspace_fail(workspace, count->word,
                                "of all logs 24 columns are shown: name a node");
  bool is_filled = vlot__view_look_log(&view.as.log, workspace, 0);
  view.as.log.from = arguments->values[1].number;
  return vlot__verbs_show(workspace, &view, is_filled);
}

bool vlot__verbs_node(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_NODE};
  return vlot__verbs_show(
      workspace, &view,
      vlot__view_look_node(&view.as.node, workspace, (uint32_t)arguments->values[0].number));
}

bool vlot__verbs_diff(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_DIFF};
  uint32_t a = (uint32_t)arguments->values[0].number, b = (uint32_t)arguments->values[1].number;
  if (a == b) return vlot__workspace_fail(workspace, 2, "expected two different nodes");
  return vlot__verbs_show(workspace, &view, vlot__view_look_diff(&view.as.diff, workspace, a, b));
}

typedef struct own_state {
  const vlot_plugin *plugin;
  vlot__text text;
  bool has_words;
} own_state;

static void look_own(void *context, const vlot_raft *raft, void *machine) {
  own_state *what = context;
  (void)raft;
  what->has_words = vlot__plugin_say_state(what->plugin, &what->text, machine);
}

/* The state of a machine of one's own, in its words. */
static bool show_own(vlot__workspace *workspace, uint32_t id) {
  own_state what = {.plugin = workspace->plugin};
  vlot_result result = vlot_cluster_look(workspace->cluster, id, look_own, &what);
  if (result != VLOT_OK)
    vlot__workspace_fail(workspace, 1, "%s",
                         result == VLOT_CLOSED ? "this node is down: it has no machine"
                                               : vlot_result_text(result));
  else if (!what.has_words)
    vlot__workspace_fail(workspace, 0, "the machine here is %s, which has no words for its state",
                         workspace->plugin->name);
  else
    vlot__text_add(&workspace->out, "  n%u's %s, applied up to %" PRIu64 ": %s\n", id,
                   workspace->plugin->name, vlot__workspace_status(workspace, id).applied_index,
                   what.text.data ? what.text.data : "");
  workspace->out.is_short |= what.text.is_short;
  vlot__text_deinit(&what.text);
  return result == VLOT_OK && what.has_words;
}

bool vlot__verbs_kv(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_KV};
  const vlot__value *node = &arguments->values[0];
  uint32_t id = node->is_given ? (uint32_t)node->number : vlot_cluster_leader(workspace->cluster);
  const char *why;
  if (id == 0) return vlot__workspace_fail(workspace, 1, "there is no leader: name a node");
  if (workspace->plugin) return show_own(workspace, id);
  bool is_filled = vlot__view_look_kv(&view.as.kv, workspace, id, &why);
  if (!is_filled && why) return vlot__workspace_fail(workspace, 1, "%s", why);
  return vlot__verbs_show(workspace, &view, is_filled);
}

bool vlot__verbs_history(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_HISTORY};
  (void)arguments;
  return vlot__verbs_show(workspace, &view, vlot__view_look_history(&view.as.history, workspace));
}

/* --- as JSON --- */

static bool is_said(const vlot__arguments *arguments, const vlot_verb *verb) {
  for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++)
    if (arguments->values[k].is_given &&
        (verb->parameters[k].is_optional || verb->parameters[k].keyword))
      return true;
  return false;
}

bool vlot__verbs_looks(const vlot_verb *verb, const vlot__arguments *arguments) {
  return verb->flags & VLOT_VERB_LOOK ||
         (verb->flags & VLOT_VERB_ASKING && !is_said(arguments, verb));
}

static bool has_view(const vlot_verb *verb, const vlot__arguments *arguments) {
  if (strcmp(verb->name, "help") == 0 || strcmp(verb->name, "json") == 0) return false;
  return vlot__verbs_looks(verb, arguments);
}

static bool show_json(vlot__workspace *workspace, const char *line) {
  vlot__arguments asked;
  const vlot_verb *verb;
  if (!vlot__command_parse(workspace, line, &asked, &verb)) return false;
  if (!verb || !has_view(verb, &asked))
    return vlot__workspace_fail(workspace, 0,
                                "this shows nothing that could be JSON: expected a "
                                "verb that looks, as 'node 2' or 'net'");
  if (!(verb->flags & VLOT_VERB_NEEDS_NOTHING) && !vlot__workspace_open(workspace)) return false;
  vlot__view_render *usual = workspace->render;
  workspace->render = vlot__view_json;
  bool is_done = vlot__verbs_run(workspace, verb, &asked);
  workspace->render = usual;
  return is_done;
}

bool vlot__verbs_json(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__text line = {0};
  for (unsigned k = 1; k < arguments->word_count; k++)
    vlot__text_add(&line, "%s%s", k > 1 ? " " : "", arguments->words[k]);
  bool is_done = !line.is_short && line.data
                     ? show_json(workspace, line.data)
                     : vlot__workspace_fail(workspace, 0, "%s", vlot_result_text(VLOT_NOMEM));
  if (!is_done) workspace->problem_word++; /* 'json' stands before its words */
  vlot__text_deinit(&line);
  return is_done;
}

bool vlot__verbs_net(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_NET};
  (void)arguments;
  return vlot__verbs_show(workspace, &view, vlot__view_look_net(&view.as.net, workspace));
}

bool vlot__verbs_timers(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_TIMERS};
  (void)arguments;
  return vlot__verbs_show(workspace, &view,
                          vlot__view_look_timers(&view.as.timers, workspace->cluster));
}

bool vlot__verbs_events(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_EVENTS};
  const vlot__value *node = &arguments->values[0], *most = &arguments->values[1];
  return vlot__verbs_show(workspace, &view,
                          vlot__view_look_events(&view.as.events, workspace->cluster,
                                                 (uint32_t)node->number,
                                                 most->is_given ? (size_t)most->number : 10));
}

/* What is wrong is the verb's own problem: a scene ends there. */
static bool is_well(vlot__workspace *workspace, const vlot__view_check *view) {
  const vlot__view_replica *a = view->differs[0], *b = view->differs[1];
  if (*view->violation)
    return vlot__workspace_fail(workspace, 0, "a safety property is broken: %s", view->violation);
  return !a || vlot__workspace_fail(workspace, 0,
                                    "n%u and n%u have applied %" PRIu64 " entr%s and differ",
                                    a->node, b->node, b->applied, b->applied == 1 ? "y" : "ies");
}

bool vlot__verbs_check(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_CHECK};
  (void)arguments;
  bool is_filled = vlot__view_look_check(&view.as.check, workspace->cluster);
  if (!is_filled || is_well(workspace, &view.as.check))
    return vlot__verbs_show(workspace, &view, is_filled);
  vlot__view_deinit(&view);
  return false;
}

bool vlot__verbs_lints(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_LINTS};
  (void)arguments;
  return vlot__verbs_show(workspace, &view,
                          vlot__view_look_lints(&view.as.lints, workspace->cluster));
}

bool vlot__verbs_why(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_WHY};
  const vlot__value *node = &arguments->values[0], *what = &arguments->values[1];
  vlot_ask ask = what->is_given ? (vlot_ask)(VLOT_ASK_CHANGE + what->number) : VLOT_ASK_ANYTHING;
  vlot_result result = vlot__why_look(&view.as.why, workspace, (uint32_t)node->number, ask);
  if (result != VLOT_OK && result != VLOT_NOMEM) return vlot__verbs_result(workspace, 1, result);
  return vlot__verbs_show(workspace, &view, result == VLOT_OK);
}

bool vlot__verbs_help(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *name = &arguments->values[0];
  const vlot_verb *verb = name->is_given ? vlot_verb_find(name->text) : NULL;
  if (name->is_given && strcmp(name->text, "all") == 0) {
    vlot__command_list(workspace);
    return true;
  }
  if (name->is_given && !verb)
    return vlot__workspace_fail(workspace, 1, "there is no such verb; 'help' lists them");
  vlot__command_help(workspace, verb);
  return true;
}
