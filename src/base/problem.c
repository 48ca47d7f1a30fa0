#include "base/problem.h"

#include <string.h>

#include "base/writer.h"

enum { TEXT_BYTES = 256 };

typedef struct refusal {
  vlot_result result;   /* OK: nothing was refused yet */
  const char *sentence; /* NULL: text is it */
  uint64_t values[2];
  char text[TEXT_BYTES];
} refusal;

static _Thread_local refusal last_refusal;

vlot_result vlot__refuse_value(vlot_result result, const char *sentence, uint64_t value,
                               uint64_t allowed) {
  last_refusal.result = result;
  last_refusal.sentence = sentence;
  last_refusal.values[0] = value;
  last_refusal.values[1] = allowed;
  return result;
}

vlot_result vlot__refuse(vlot_result result, const char *sentence) {
  return vlot__refuse_value(result, sentence, 0, 0);
}

static void end_text(const vlot__writer *w) {
  last_refusal.text[w->length < TEXT_BYTES ? w->length : TEXT_BYTES - 1] = '\0';
  last_refusal.sentence = NULL;
}

vlot_result vlot__refuse_words(vlot_result result, const char *words) {
  vlot__writer w = {.out = last_refusal.text, .capacity = TEXT_BYTES};
  vlot__write(&w, words, strlen(words));
  end_text(&w);
  last_refusal.result = result;
  return result;
}

static void put_sentence(const char *text) {
  vlot__writer w = {.out = last_refusal.text, .capacity = TEXT_BYTES};
  for (const char *brace; (brace = strchr(text, '{')) != NULL; text = brace + 3) {
    vlot__write(&w, text, (size_t)(brace - text));
    vlot__write_number(&w, last_refusal.values[brace[1] == '1']);
  }
  vlot__write(&w, text, strlen(text));
  end_text(&w);
}

const char *vlot_problem(vlot_result result) {
  if (result == VLOT_OK || last_refusal.result != result) return vlot_result_text(result);
  if (last_refusal.sentence) put_sentence(last_refusal.sentence);
  return last_refusal.text;
}
