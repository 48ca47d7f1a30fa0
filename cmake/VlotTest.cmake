# How a test is registered: one time limit, and a sanitizer's report fails the test even when the
# program exits with 0 (Criterion takes a leak report in a test's process for a success).

set(VLOT_REPORT "ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:")

# vlot_add_test(name COMMAND ... [LABELS ...] [TIMEOUT seconds])
function(vlot_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND;LABELS")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(
    ${name}
    PROPERTIES LABELS "${arg_LABELS}"
               TIMEOUT ${arg_TIMEOUT}
               SKIP_RETURN_CODE 77
               FAIL_REGULAR_EXPRESSION "${VLOT_REPORT}"
               ENVIRONMENT "UBSAN_OPTIONS=print_stacktrace=1;TSAN_OPTIONS=second_deadlock_stack=1")
endfunction()
