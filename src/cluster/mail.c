#include "cluster/mail.h"

#include <string.h>

#include "cluster/image.h"
#include "cluster/propose.h"
#include "vlot/raft_snapshot.h"

void vlot__mail_lay_out_read(vlot__mail_read *mail, vlot__mail_read fields, const void *question,
                             size_t size) {
  *mail = fields;
  mail->size = (uint32_t)size;
  if (size > 0) memcpy(mail + 1, question, size);
}

uint32_t vlot__mail_message_kind(uint32_t kind, const void *payload) {
  const vlot__mail_message *mail = payload;
  return kind == VLOT__MAIL_MESSAGE ? (uint32_t)mail->message.kind : 0;
}

static uint32_t count_slices(const vlot__mail_message *mail) {
  return mail->message.kind == VLOT_MESSAGE_APPEND ? mail->message.as.append.slice_count : 0;
}

static vlot_snapshot *snapshot_of(const vlot__mail_message *mail) {
  return mail->message.kind == VLOT_MESSAGE_INSTALL ? mail->message.as.install.snapshot : NULL;
}

static void release_message(const vlot__mail_message *mail) {
  for (uint32_t k = 0; k < count_slices(mail); k++) vlot_batch_release(mail->slices[k].batch);
  vlot_snapshot_release(snapshot_of(mail));
}

static void retain_message(const vlot__mail_message *mail) {
  for (uint32_t k = 0; k < count_slices(mail); k++) (void)vlot_batch_retain(mail->slices[k].batch);
  (void)vlot_snapshot_retain(snapshot_of(mail));
}

static void for_each_propose(const vlot__mail_forward *mail,
                             void (*act)(const vlot__mail_propose *propose)) {
  vlot__forwarded *one = vlot__forwarded_first(mail);
  for (uint32_t k = 0; k < mail->count; k++, one = vlot__forwarded_next(one))
    if (one->kind == VLOT__MAIL_PROPOSE) act(vlot__forwarded_mail(one));
}

static void tell_forward(vlot__mail_about *about, const vlot__mail_forward *mail) {
  vlot_mail_told *told = &about->told;
  vlot__forwarded *one = vlot__forwarded_first(mail);
  told->kind = mail->is_answer    ? VLOT_MAIL_WORD
               : mail->count == 0 ? VLOT_MAIL_QUESTION
                                  : VLOT_MAIL_FORWARD;
  about->from = mail->from;
  about->term = mail->term;
  for (uint32_t k = 0; k < mail->count; k++, one = vlot__forwarded_next(one)) {
    vlot_mail_told inner = vlot__mail_tell(one->kind, vlot__forwarded_mail(one)).told;
    told->count += inner.count;
    told->reads += inner.reads;
    told->has_others |= k > 0 && inner.client != told->client;
    if (k > 0) continue;
    told->client = inner.client;
    told->sequence = inner.sequence;
  }
}

vlot__mail_about vlot__mail_tell(uint32_t kind, const void *payload) {
  vlot__mail_about about = {0};
  const vlot__mail_propose *propose = payload;
  const vlot__mail_read *read = payload;
  switch ((vlot__mail_kind)kind) {
  case VLOT__MAIL_PROPOSE:
    about.told = (vlot_mail_told){.kind = VLOT_MAIL_COMMANDS,
                                  .client = propose->client,
                                  .sequence = propose->sequence,
                                  .count = propose->count};
    break;
  case VLOT__MAIL_READ:
    about.told = (vlot_mail_told){.kind = VLOT_MAIL_READ,
                                  .client = read->client,
                                  .sequence = read->sequence,
                                  .count = 1,
                                  .reads = 1};
    break;
  case VLOT__MAIL_ORDER: about.told.kind = VLOT_MAIL_ORDER; break;
  case VLOT__MAIL_FORWARD: tell_forward(&about, payload); break;
  case VLOT__MAIL_TICK:
  case VLOT__MAIL_MESSAGE:
  case VLOT__MAIL_STORED:
  case VLOT__MAIL_WRITTEN: break;
  }
  return about;
}

void vlot__mail_dispose(uint32_t kind, void *payload) {
  if (kind == VLOT__MAIL_MESSAGE)
    release_message(payload);
  else if (kind == VLOT__MAIL_PROPOSE)
    vlot__propose_release(payload);
  else if (kind == VLOT__MAIL_FORWARD)
    for_each_propose(payload, vlot__propose_release);
  else if (kind == VLOT__MAIL_WRITTEN)
    vlot__image_release(((const vlot__mail_written *)payload)->image);
}

void vlot__mail_retain(uint32_t kind, void *payload) {
  if (kind == VLOT__MAIL_MESSAGE)
    retain_message(payload);
  else if (kind == VLOT__MAIL_PROPOSE)
    vlot__propose_retain(payload);
  else if (kind == VLOT__MAIL_FORWARD)
    for_each_propose(payload, vlot__propose_retain);
}

bool vlot__mail_order_has_index(uint32_t kind) {
  return kind == VLOT_ORDER_COMPACT || kind == VLOT_INPUT_TRANSFER;
}

bool vlot__mail_is_order(uint32_t kind, uint32_t value) {
  return kind == VLOT_ORDER_SNAPSHOT || vlot__mail_order_has_index(kind) ||
         vlot__mail_is_input(kind, value);
}

bool vlot__mail_is_input(uint32_t kind, uint32_t value) {
  switch (kind) {
  case VLOT_INPUT_CAMPAIGN:
  case VLOT_INPUT_ELECT:
  case VLOT_INPUT_STEP_DOWN:
  case VLOT_INPUT_FORGET_LEADER: return true;
  case VLOT_INPUT_SWITCHES: return value <= VLOT_SWITCH_ALL;
  default: return false;
  }
}
