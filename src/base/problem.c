#include "base/problem.h"

#include <string.h>

#include "base/writer.h"

enum { TEXT_BYTES = 256 };

static _Thread_local struct {
  vlot_result result;   /* OK: nothing was refused yet */
  const char *sentence; /* NULL: text is it */
  uint64_t values[2];
  char text[TEXT_BYTES];
} last;

vlot_result vlot__refuse_value(vlot_result result, const char *sentence, uint64_t value,
                               uint64_t allowed) {
  last.result = result;
  last.sentence = sentence;
  last.values[0] = value;
  last.values[1] = allowed;
  return result;
}

vlot_result vlot__refuse(vlot_result result, const char *sentence) {
  return vlot__refuse_value(result, sentence, 0, 0);
}

static void end_text(const vlot__writer *w) {
  last.text[w->length < TEXT_BYTES ? w->length : TEXT_BYTES - 1] = '\0';
  last.sentence = NULL;
}

vlot_result vlot__refuse_words(vlot_result result, const char *words) {
  vlot__writer w = {.out = last.text, .capacity = TEXT_BYTES};
  vlot__write(&w, words, strlen(words));
  end_text(&w);
  last.result = result;
  return result;
}

static void put_sentence(const char *text) {
  vlot__writer w = {.out = last.text, .capacity = TEXT_BYTES};
  for (const char *brace; (brace = strchr(text, '{')) != NULL; text = brace + 3) {
    vlot__write(&w, text, (size_t)(brace - text));
    vlot__write_number(&w, last.values[brace[1] == '1']);
  }
  vlot__write(&w, text, strlen(text));
  end_text(&w);
}

const char *vlot_problem(vlot_result result) {
  if (result == VLOT_OK || last.result != result) return vlot_result_text(result);
  if (last.sentence) put_sentence(last.sentence);
  return last.text;
}
