# vlot_libedit(target): the prompt's lines can be edited, with history and completion, where libedit is
# installed. Without it they are read as they come; nothing else is different.

function(vlot_libedit target)
  if(NOT VLOT_LIBEDIT)
    return()
  endif()
  find_path(LIBEDIT_INCLUDE_DIR histedit.h)
  find_library(LIBEDIT_LIBRARY edit)
  mark_as_advanced(LIBEDIT_INCLUDE_DIR LIBEDIT_LIBRARY)
  if(NOT LIBEDIT_INCLUDE_DIR OR NOT LIBEDIT_LIBRARY)
    message(STATUS "libedit was not found: lines of `vlot step` cannot be edited")
    return()
  endif()
  target_compile_definitions(${target} PRIVATE VLOT_HAVE_LIBEDIT)
  target_include_directories(${target} SYSTEM PRIVATE ${LIBEDIT_INCLUDE_DIR})
  target_link_libraries(${target} PUBLIC ${LIBEDIT_LIBRARY})
endfunction()
