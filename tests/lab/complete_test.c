/* What the prompt offers when a word is half typed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "complete.h"

static const char *const more[] = {"quit"};

/* The offered words, in one line. */
static size_t offer(const vlot__workspace *workspace, const char *line, char *out,
                    size_t capacity) {
  vlot__text words = {0};
  size_t begin = vlot__complete(workspace, line, strlen(line), more, 1, &words);
  snprintf(out, capacity, "%s", words.data ? words.data : "");
  for (char *at = out; *at; at++)
    if (*at == '\n') *at = at[1] ? ' ' : '\0';
  vlot__text_deinit(&words);
  return begin;
}

Test(complete, words_come_from_the_command_table) {
  static const struct {
    const char *line, *words;
    size_t begin;
  } rows[] = {
      {"unt", "until", 0},
      {"  unt", "until", 2},
      {"q", "quit", 0},
      {"de", "deliver delay del", 0},
      {"no-such-verb ", "", 13},
      {"zz", "", 0},
      {"until q", "quiet", 6},
      {"until st", "step step_down start", 6},
      {"until vote of ", "* 1 2 3", 14},
      {"heal ", "link disk clock all", 5},
      {"heal link 1 ", "* 1 2 3", 12},
      {"json no", "nodes node note", 5},
      {"diff 1 ", "1 2 3", 7},
      {"node ", "1 2 3", 5},
      {"set boat vlot a", "at", 14},
      {"until commit 3 at ", "1 2 3", 18},
      {"until commit 3 a", "at", 15},
      {"kill ", "1 2 3 power", 5},
      {"kill 2 ", "power", 7},
      {"k 2 p", "power", 4}, /* by its short name */
      {"restart 2 ", "keep lose wipe", 10},
      {"cut ", "* 1 2 3 oneway", 4},
      {"partition 1 | ", "1 2 3", 14},
      {"link 1 2 lo", "loss", 9},
      {"help du", "duplicate", 5},
      {"quit ", "", 5},
  };
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, 1000);
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    char words[4096];
    size_t begin = offer(&workspace, rows[k].line, words, sizeof words);
    cr_expect_str_eq(words, rows[k].words, "'%s': '%s'", rows[k].line, words);
    cr_expect_eq(begin, rows[k].begin, "'%s': %zu", rows[k].line, begin);
  }
  vlot__workspace_deinit(&workspace);
}

Test(complete, a_file_to_save_is_offered_with_its_directories) {
  vlot__workspace workspace;
  char words[8192];
  vlot__workspace_init(&workspace, false, 1000);
  size_t begin = offer(&workspace, "save /de", words, sizeof words);
  cr_expect_eq(begin, 5);
  cr_expect_str_eq(words, "/dev/");
  offer(&workspace, "save /dev/nul", words, sizeof words);
  cr_expect_str_eq(words, "/dev/null");
  offer(&workspace, "save /no-such-directory/a", words, sizeof words);
  cr_expect_str_eq(words, "");
  vlot__workspace_deinit(&workspace);
}

Test(complete, an_empty_line_offers_every_verb) {
  vlot__workspace workspace;
  char words[8192];
  vlot__workspace_init(&workspace, false, 1000);
  offer(&workspace, "", words, sizeof words);
  for (size_t k = 0; k < vlot_verb_count; k++)
    cr_expect(strstr(words, vlot_verbs[k].name), "%s is not offered", vlot_verbs[k].name);
  vlot__workspace_deinit(&workspace);
}

Test(complete, what_is_pending_is_offered_by_id_and_kind) {
  vlot__workspace workspace;
  char words[4096];
  vlot__workspace_init(&workspace, false, 1000);
  cr_assert(vlot__command_run(&workspace, "step"), "%s", workspace.out.data);
  offer(&workspace, "drop ", words, sizeof words);
  cr_expect(strstr(words, "7") && strstr(words, "PreVote"), "%s", words);
  cr_expect_str_eq(strrchr(words, ' '), " all", "%s", words);
  offer(&workspace, "drop all Pre", words, sizeof words);
  cr_expect_str_eq(words, "PreVote PreVoteReply");
  offer(&workspace, "hold all App", words, sizeof words); /* none is pending yet */
  cr_expect_str_eq(words, "AppendEntries AppendReply");
  vlot__workspace_deinit(&workspace);
}
