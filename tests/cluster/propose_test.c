/* A PROPOSE mail: what is laid out is read back, and references are neither lost nor doubled. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/propose.h"

enum { COUNT = 5, LARGE = 3000 };

static uint8_t letters[LARGE];

/* Empty, odd, exactly padded, large without an owner, and with one. */
static void fill(vlot_command *commands, vlot_bytes *owner) {
  for (size_t k = 0; k < LARGE; k++) letters[k] = (uint8_t)('a' + k % 23);
  const uint32_t sizes[COUNT] = {0, 5, 16, LARGE, 7};
  for (uint32_t k = 0; k < COUNT; k++)
    commands[k] = (vlot_command){.data = letters, .size = sizes[k]};
  commands[4].owner = owner;
  commands[4].data = vlot_bytes_data(owner);
}

static vlot__mail_propose *lay_out(const vlot_allocator *allocator, const vlot_command *commands,
                                   bool *is_laid_out) {
  vlot__mail_propose *mail = malloc(vlot__propose_size(commands, COUNT));
  *mail = (vlot__mail_propose){.sequence = 9, .client = 2, .count = COUNT};
  *is_laid_out = vlot__propose_lay_out(mail, allocator, commands);
  return mail;
}

Test(propose, what_is_laid_out_is_read_back_in_its_order) {
  vlot_bytes *owner = vlot_bytes_copy(vlot_allocator_default(), "the one", 7);
  vlot_command commands[COUNT];
  bool is_laid_out;
  fill(commands, owner);
  vlot__mail_propose *mail = lay_out(vlot_allocator_default(), commands, &is_laid_out);
  cr_assert(is_laid_out);
  vlot__propose_reader next = vlot__propose_begin(mail);
  const vlot__mail_command *command;
  uint32_t read = 0;
  for (; (command = vlot__propose_next(&next)) != NULL; read++) {
    cr_assert_eq(command->size, commands[read].size);
    cr_assert_eq(memcmp(vlot__propose_data(command), commands[read].data, command->size), 0);
  }
  cr_assert_eq(read, COUNT);
  cr_assert_eq((size_t)(next.at - (uint8_t *)mail), vlot__propose_size(commands, COUNT));
  vlot__mail_dispose(VLOT__MAIL_PROPOSE, mail);
  vlot_bytes_release(owner);
  free(mail);
}

Test(propose, only_large_commands_and_those_with_an_owner_are_shared) {
  vlot_bytes *owner = vlot_bytes_copy(vlot_allocator_default(), "the one", 7);
  vlot_command commands[COUNT];
  bool is_laid_out;
  fill(commands, owner);
  vlot__mail_propose *mail = lay_out(vlot_allocator_default(), commands, &is_laid_out);
  vlot__propose_reader next = vlot__propose_begin(mail);
  for (uint32_t k = 0; k < COUNT; k++) {
    const vlot__mail_command *command = vlot__propose_next(&next);
    cr_assert_eq(command->owner != NULL, k >= 3, "command %u", k);
    if (k == 4) cr_assert_eq(command->owner, owner); /* all of it: nothing was copied */
  }
  vlot__mail_dispose(VLOT__MAIL_PROPOSE, mail);
  vlot_bytes_release(owner);
  free(mail);
}

Test(propose, every_reference_is_given_back_whenever_memory_runs_out) {
  bool is_laid_out = false;
  for (uint64_t n = 1; !is_laid_out; n++) {
    vlot_fault_allocator *faults = vlot_fault_allocator_open();
    const vlot_allocator *allocator = vlot_fault_allocator_get(faults);
    vlot_bytes *owner = vlot_bytes_copy(allocator, "the one", 7);
    vlot_command commands[COUNT];
    fill(commands, owner);
    vlot_fault_allocator_fail_at(faults, n, false);
    vlot__mail_propose *mail = lay_out(allocator, commands, &is_laid_out);
    if (is_laid_out) {
      vlot__mail_retain(VLOT__MAIL_PROPOSE, mail); /* a copy of the mail */
      vlot__mail_dispose(VLOT__MAIL_PROPOSE, mail);
      vlot__mail_dispose(VLOT__MAIL_PROPOSE, mail);
    }
    vlot_bytes_release(owner);
    cr_assert_eq(vlot_fault_allocator_live(faults), 0);
    vlot_fault_allocator_close(faults);
    free(mail);
  }
}
