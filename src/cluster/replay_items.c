/* Reading a turn's items. What stands in a journal is data: nothing is read outside of a record,
 * whatever it says. */
#include "cluster/replay_inside.h"

/* What a PROPOSE holds: walked once, so that later nobody need ask whether it is whole. */
static void read_commands(vlot__journal_reader *reader, vlot__replay_item *one) {
  uint64_t count = vlot__read_var(reader);
  one->more = vlot__read16(reader);
  one->count = (uint32_t)count;
  one->payload = reader->at;
  if (count == 0 || count > UINT32_MAX || (one->more > 0 && count != 1)) reader->is_bad = true;
  for (uint64_t k = 0; k < count && !reader->is_bad; k++) {
    uint64_t size = vlot__read_var(reader);
    if (size > UINT32_MAX) reader->is_bad = true;
    one->command = (uint32_t)size;
    const uint8_t *bytes = vlot__read_bytes(reader, (size_t)size);
    if (one->more > 0 && size > 0 && size <= VLOT__LIKE_BYTES && !reader->is_bad)
      memcpy(one->like, bytes, (size_t)size);
  }
  one->size = (size_t)(reader->at - one->payload);
}

/* The bytes that differ from the command before. */
static void read_difference(vlot__journal_reader *reader, uint8_t *command, uint32_t size) {
  for (uint32_t k = 0; k < size; k += 8) {
    uint32_t set = vlot__read8(reader);
    for (uint32_t b = 0; b < 8; b++) {
      if (!(set >> b & 1)) continue;
      uint8_t byte = vlot__read8(reader);
      if (k + b < size)
        command[k + b] ^= byte;
      else
        reader->is_bad = true;
    }
  }
}

/* The next of several mails like the last one. */
static void read_more(vlot__journal_reader *reader, const vlot__replay_item *last,
                      vlot__replay_item *one) {
  *one = *last;
  one->is_like = true;
  one->more--;
  one->id += VLOT__MAIL_STRIDE;
  one->sequence += last->count;
  one->count = 1;
  one->size = one->command;
  one->payload = NULL; /* in `like` */
  if (one->command <= VLOT__LIKE_BYTES)
    read_difference(reader, one->like, one->command);
  else
    one->payload = vlot__read_bytes(reader, one->size);
}

static uint32_t read_client(vlot__journal_reader *reader) {
  uint64_t client = vlot__read_var(reader);
  if (client > UINT32_MAX) reader->is_bad = true;
  return (uint32_t)client;
}

static void read_payload(vlot__journal_reader *reader, uint32_t tag, const vlot__replay_item *last,
                         vlot__replay_item *one) {
  bool is_next = tag & VLOT__ITEM_NEXT_SEQUENCE;
  switch (one->kind) {
  case VLOT__MAIL_PROPOSE:
    one->client = is_next ? last->client : read_client(reader);
    one->sequence = is_next ? last->sequence + last->count : vlot__read_var(reader);
    read_commands(reader, one);
    return;
  case VLOT__MAIL_READ:
    one->payload = vlot__read_bytes(reader, 24); /* client, sequence, min_index, size */
    one->size = reader->is_bad ? 0 : vlot__get32(one->payload + 20);
    vlot__read_bytes(reader, one->size);
    return;
  case VLOT__MAIL_ORDER:
    one->payload = vlot__read_bytes(reader, 8); /* kind, value; index */
    if (!reader->is_bad && vlot__mail_order_has_index(vlot__get32(one->payload)))
      vlot__read_bytes(reader, 8);
    return;
  default: reader->is_bad = true;
  }
}

static void read_mail(vlot__journal_reader *reader, uint32_t tag, const vlot__replay_item *last,
                      vlot__replay_item *one) {
  one->client = last->client;
  one->sequence = last->sequence;
  one->count = last->count;
  if (one->kind == VLOT__MAIL_STORED || one->kind == VLOT__MAIL_WRITTEN) {
    one->payload = vlot__read_bytes(reader, 12);
    one->stamp = last->stamp;
    one->id = last->id;
    return;
  }
  one->stamp = tag & VLOT__ITEM_SAME_STAMP ? last->stamp : vlot__read_var(reader);
  one->id = last->id;
  if (one->stamp > VLOT__REPLAY_TICK_MAX && one->stamp != VLOT__STAMP_FIRE) reader->is_bad = true;
  if (one->kind == VLOT__MAIL_TICK) return;
  one->id = tag & VLOT__ITEM_NEXT_ID ? last->id + VLOT__MAIL_STRIDE : vlot__read_var(reader);
  one->has_payload = tag & VLOT__ITEM_HAS_PAYLOAD;
  if (one->has_payload)
    read_payload(reader, tag, last, one);
  else
    one->check = vlot__read32(reader);
}

static size_t outcome_size(uint32_t kind) {
  switch (kind) {
  case VLOT__ITEM_RATE: return 12;
  case VLOT__ITEM_CUT: return 4;
  case VLOT__ITEM_ROUTE: return 9;
  case VLOT__ITEM_SUBMIT: return 5;
  default: return 0;
  }
}

bool vlot__replay_read_item(vlot__journal_reader *reader, const vlot__replay_item *last,
                            vlot__replay_item *one) {
  if (last->more > 0) {
    read_more(reader, last, one);
    return !reader->is_bad;
  }
  if (reader->at == reader->end) return false;
  uint32_t tag = vlot__read8(reader);
  *one = (vlot__replay_item){.kind = tag & VLOT__ITEM_KIND};
  if (one->kind >= VLOT__MAIL_TICK && vlot__replay_is_mail(one)) {
    read_mail(reader, tag, last, one);
  } else if (one->kind == VLOT__ITEM_END) {
    one->payload = vlot__read_bytes(reader, 8);
    for (int k = 0; k < 5; k++) vlot__read_var(reader);
  } else {
    one->size = outcome_size(one->kind);
    one->payload = vlot__read_bytes(reader, one->size);
    if (one->size == 0) reader->is_bad = true;
  }
  return !reader->is_bad;
}
