/* The model of a key agrees with the machine that it is compared with, and notices when it does
 * not. */
#include <criterion/criterion.h>

#include "dice.h"
#include "expect.h"
#include "flights.h"
#include "vlot/cluster.h"

static vlot_kv_command random_command(vlot__dice *dice) {
  static const char *const values[] = {"",
                                       "0",
                                       "7",
                                       "-7",
                                       "007",
                                       "-0",
                                       "-",
                                       "text",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "9223372036854775808",
                                       "18446744073709551617",
                                       ":"};
  static const int64_t amounts[] = {0, 1, -1, 7, INT64_MAX, INT64_MIN};
  uint64_t operation = vlot__dice_between(dice, VLOT_KV_GET, VLOT_KV_INCREMENT);
  uint64_t value = vlot__dice_below(dice, sizeof values / sizeof *values);
  uint64_t expected = vlot__dice_below(dice, sizeof values / sizeof *values);
  uint64_t amount = vlot__dice_below(dice, sizeof amounts / sizeof *amounts);
  vlot_kv_command kv = {.operation = (vlot_kv_operation)operation, .key = "k", .key_size = 1};
  if (operation == VLOT_KV_SET || operation == VLOT_KV_CAS) {
    kv.value = values[value];
    kv.value_size = strlen(values[value]);
  }
  if (operation == VLOT_KV_CAS && expected > 0) {
    kv.expected = values[expected];
    kv.expected_size = strlen(values[expected]);
  }
  if (operation == VLOT_KV_INCREMENT) kv.amount = amounts[amount];
  return kv;
}

Test(expect, the_model_says_what_the_machine_answers) {
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.nodes = 1;
  options.driver = VLOT_DRIVER_LOCKSTEP;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_client_open(&client, cluster, NULL), VLOT_OK);
  vlot__dice dice = vlot__dice_of(1, 1);
  vlot__expect value = {0};
  for (int k = 0; k < 5000; k++) {
    vlot_kv_command kv = random_command(&dice);
    vlot_bytes *command = vlot_kv_encode(NULL, &kv), *reply = NULL;
    cr_assert_eq(
        vlot_client_propose(client, vlot_bytes_data(command), vlot_bytes_size(command), &reply),
        VLOT_OK);
    cr_assert(vlot__expect_answer(&value, &kv, vlot_bytes_data(reply), vlot_bytes_size(reply)),
              "command %d, operation %d", k, kv.operation);
    value = vlot__expect_after(&value, &kv);
    vlot_bytes_release(command);
    vlot_bytes_release(reply);
  }
  vlot_client_close(client);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(expect, a_value_that_was_lost_is_noticed) {
  vlot__expect text = {.kind = VLOT__EXPECT_TEXT, .text = "12", .size = 2};
  vlot__expect number = {.kind = VLOT__EXPECT_NUMBER, .number = 12};
  vlot__expect other = {.kind = VLOT__EXPECT_NUMBER, .number = 13};
  vlot__expect absent = {0};
  cr_assert(vlot__expect_equal(&text, &number));
  cr_assert_not(vlot__expect_equal(&text, &other));
  cr_assert_not(vlot__expect_equal(&absent, &number));
  cr_assert_not(vlot__expect_equal(&number, &absent));
  cr_assert(vlot__expect_equal(&absent, &absent));
  cr_assert(vlot__expect_read(&text, "\00012", 3));
  cr_assert_not(vlot__expect_read(&text, "\00013", 3));
  cr_assert_not(vlot__expect_read(&text, "\001", 1));
  cr_assert_not(vlot__expect_read(&absent, "\00012", 3));
  cr_assert(vlot__expect_read(&absent, "\001", 1));
  cr_assert_not(vlot__expect_read(&absent, NULL, 0));
}

Test(flights, numbers_come_back_in_any_order_once) {
  enum { MANY = 5000 };
  vlot__flights flights = {0};
  uint32_t item;
  cr_assert(vlot__flights_add(&flights, 3, 77)); /* the old one that all others overtake */
  for (uint32_t k = 0; k < MANY; k++) {
    cr_assert(vlot__flights_add(&flights, 10 + k, k));
    if (k % 2) cr_assert(vlot__flights_take(&flights, 10 + k, &item) && item == k);
  }
  cr_assert_eq(flights.count, MANY / 2 + 1);
  cr_assert(vlot__flights_take(&flights, 3, &item) && item == 77);
  cr_assert_not(vlot__flights_take(&flights, 3, &item));
  for (uint32_t k = MANY; k-- > 0;)
    cr_assert_eq(vlot__flights_take(&flights, 10 + k, &item), k % 2 == 0);
  cr_assert_eq(flights.count, 0);
  vlot__flights_deinit(&flights);
}

Test(dice, a_bound_is_kept_and_every_face_comes_up) {
  vlot__dice dice = vlot__dice_of(7, 1), other = vlot__dice_of(7, 2);
  uint32_t faces[6] = {0}, same = 0;
  for (int k = 0; k < 6000; k++) {
    uint64_t face = vlot__dice_below(&dice, 6);
    cr_assert_lt(face, 6);
    faces[face]++;
    same += vlot__dice_below(&other, 6) == face;
  }
  for (int k = 0; k < 6; k++)
    cr_assert(faces[k] > 800 && faces[k] < 1200, "face %d: %u", k, faces[k]);
  cr_assert(same > 800 && same < 1200, "streams differ: %u", same);
}
